"""
A photograph in few colours
===========================

Reduce a photograph to 4, 16 and 64 colours with `fastkm.KMeans`, an estimator that works where
scikit-learn's does.

The photograph is ``china.jpg`` of scikit-learn.
"""

# %%
# A pixel is a row of red, green and blue. A fit returns the colours, and the nearest one of each
# pixel.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image

from fastkm import KMeans

picture = load_sample_image("china.jpg")
pixels = picture.reshape(-1, 3).astype(np.float32)

figure, axes = plt.subplots(2, 2, figsize=(9, 6.4), layout="constrained")
axes[0, 0].imshow(picture)
axes[0, 0].set_title(f"{len(np.unique(pixels, axis=0)):,} colours")
for ax, k in zip(axes.flat[1:], (64, 16, 4), strict=True):
    model = KMeans(k, random_state=0).fit(pixels)
    palette = model.cluster_centers_.round().astype(np.uint8)
    error = np.sqrt(model.inertia_ / len(pixels))
    ax.imshow(palette[model.labels_].reshape(picture.shape))
    ax.set_title(f"{k} colours, root mean square error {error:.1f}")
for ax in axes.flat:
    ax.axis("off")
plt.show()
