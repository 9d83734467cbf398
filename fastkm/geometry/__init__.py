"""Arrays only: distances, contours and regions, in pixels."""

from fastkm.geometry.contours import LongContours, find_contours, long_contours
from fastkm.geometry.distance import (
    FarthestPair,
    exceeds_distance,
    max_pairwise_distance,
    max_pairwise_distances,
)
from fastkm.geometry.globe import EARTH_RADIUS
from fastkm.geometry.joins import bridged, joined, touching
from fastkm.geometry.regions import Regions, Rings, find_regions, trace_rings

__all__ = [
    "EARTH_RADIUS",
    "FarthestPair",
    "LongContours",
    "Regions",
    "Rings",
    "bridged",
    "exceeds_distance",
    "find_contours",
    "find_regions",
    "joined",
    "long_contours",
    "max_pairwise_distance",
    "max_pairwise_distances",
    "touching",
    "trace_rings",
]
