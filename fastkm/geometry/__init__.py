"""Arrays only: distances and contours, in pixels."""

from fastkm.geometry.contours import LongContours, find_contours, long_contours
from fastkm.geometry.distance import FarthestPair, max_pairwise_distance

__all__ = [
    "FarthestPair",
    "LongContours",
    "find_contours",
    "long_contours",
    "max_pairwise_distance",
]
