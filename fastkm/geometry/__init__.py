"""Arrays only: distances and contours, in pixels."""

from fastkm.geometry.contours import LongContours, find_contours, long_contours
from fastkm.geometry.distance import (
    FarthestPair,
    exceeds_distance,
    max_pairwise_distance,
    max_pairwise_distances,
)
from fastkm.geometry.globe import EARTH_RADIUS

__all__ = [
    "EARTH_RADIUS",
    "FarthestPair",
    "LongContours",
    "exceeds_distance",
    "find_contours",
    "long_contours",
    "max_pairwise_distance",
    "max_pairwise_distances",
]
