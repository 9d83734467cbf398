"""Contours of an image, and which of them are long enough to keep.

The contours are scikit-image's marching squares; their coordinates are (row, column), in
pixels, whole numbers at cell centres.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastkm.geometry.distance import max_pairwise_distance


class LongContours(NamedTuple):
    """Contours above a diameter, out of how many.

    Attributes
    ----------
    contours : list of (n, 2) array
        Row and column of each point, in pixels.
    diameters : list of float
        The longest distance across each, in pixels.
    found : int
        The number of contours before the choice.
    """

    contours: list[np.ndarray]
    diameters: list[float]
    found: int


def find_contours(image: np.ndarray, level: float) -> list[np.ndarray]:
    """Trace the contours of `image` at `level`.

    Parameters
    ----------
    image : (rows, columns) array
        At least 2 x 2.
    level : float
        The value that the contours follow.

    Returns
    -------
    list of (n, 2) array
        Row and column of each point. Closed contours repeat their first point.

    Raises
    ------
    ValueError
        If the image is smaller, or has not two dimensions.

    Examples
    --------
    >>> contours = find_contours(np.pad([[1.0]], 2), 0.5)
    >>> [contour.shape for contour in contours]
    [(5, 2)]
    """
    from skimage import measure

    if np.ndim(image) != 2 or min(np.shape(image)) < 2:
        raise ValueError(f"image must have at least 2 rows and 2 columns, got {np.shape(image)}")
    return list(measure.find_contours(np.asarray(image, np.float64), level))


def long_contours(image: np.ndarray, level: float, *, min_diameter: float) -> LongContours:
    """Trace contours and keep those whose points lie more than `min_diameter` pixels apart.

    Examples
    --------
    >>> image = np.zeros((5, 9))
    >>> image[1, 1], image[3, 1:8] = 1, 1
    >>> long_contours(image, 0.5, min_diameter=3).diameters
    [7.0]
    """
    contours = find_contours(image, level)
    diameters = [max_pairwise_distance(contour) for contour in contours]
    long = [i for i, diameter in enumerate(diameters) if diameter > min_diameter]
    return LongContours([contours[i] for i in long], [diameters[i] for i in long], len(contours))
