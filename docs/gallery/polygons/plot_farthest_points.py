"""
The longest distance across a contour
=====================================

Trace contours, and find the two points of each that are farthest apart, in kilometres on the
ellipsoid.

The data is the sea floor and the land round Vancouver Island, which comes with matplotlib.
"""

# %%
# `fastkm.find_contours` returns the arrays that scikit-image's function returns: rows and columns.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cbook import get_sample_data

import fastkm

data = get_sample_data("topobathy.npz")
height, longitude, latitude = data["topo"], data["longitude"] - 360, data["latitude"]
contours = fastkm.find_contours(height, 0.0)


def place(contour: np.ndarray) -> np.ndarray:
    """Return the latitude and the longitude of each point of a contour."""
    rows, columns = contour.T
    return np.column_stack(
        [
            np.interp(rows, np.arange(latitude.size), latitude),
            np.interp(columns, np.arange(longitude.size), longitude),
        ]
    )


# %%
# Most pairs of points are ruled out without their distance, so long contours take little time.
# Coastlines end at the edge of the data; `fastkm.outline` returns closed polygons, with their
# diameters.

pairs = []
for contour in contours:
    points = place(contour)
    found = fastkm.max_pairwise_distance(points, metric="geodesic", return_pair=True)
    pairs.append((found.distance / 1000, points[[found.first, found.second]]))
pairs.sort(key=lambda pair: -pair[0])
print(f"{len(contours)} coastlines, the longest {pairs[0][0]:.1f} km across")

figure, ax = plt.subplots(figsize=(9, 6.4), layout="constrained")
image = ax.pcolormesh(longitude, latitude, height, cmap="gist_earth", vmin=-2500, vmax=2500)
figure.colorbar(image, ax=ax, label="height (m)", shrink=0.8)
for contour in contours:
    ax.plot(*place(contour).T[::-1], color="black", linewidth=0.8)
for distance, ends in pairs[:6]:
    ax.plot(*ends.T[::-1], "o-", linewidth=2, markersize=4, label=f"{distance:.0f} km")
ax.set(aspect=1 / np.cos(np.radians(49)), xlabel="longitude", ylabel="latitude")
ax.legend(title="longest distances", loc="lower left")
plt.show()
