"""The October that the samples draw: its numbers by name, and the formulas that combine them.

`fastkm.datasets.water_vapour` says what the layers are, `fastkm.datasets._seasons` sets them in
motion. Coordinates are degrees north and east, amounts are kg m-2.
"""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LAND = -999.0
ICE = -500.0
DRIEST = 2.0
SATURATION = 61.0
FEBRUARY, MARCH, JULY, AUGUST = 1, 2, 6, 7

Field = NDArray[np.float64]


class Hill(NamedTuple):
    """A Gaussian hill, or a hollow; ``tilt`` turns its long axis from east towards north.

    On top of its October it gains ``swing`` in the month ``peak``, and loses it half a year later.
    """

    what: str
    amount: float
    longitude: float
    latitude: float
    east_west: float
    north_south: float
    tilt: float = 0.0
    swing: float = 0.0
    peak: int = 0


class Wave(NamedTuple):
    """A plane wave: ``around`` cycles round the globe, ``poleward`` cycles per 360 of latitude."""

    amount: float
    around: int
    poleward: float
    phase: float


PROFILE_LATITUDE = np.array(
    [-90.0, -70, -60, -50, -40, -30, -20, -10, 0, 10, 20, 30, 40, 50, 60, 70, 90]
)
PROFILE_AMOUNT = np.array([3.0, 5, 7, 10, 14, 19, 24, 33, 41, 43, 38, 31, 22, 15, 10.5, 7.5, 5])
PROFILE_SMOOTHING = 5.0

CONVERGENCE_WIDTH = 3.6
CONVERGENCE_LATITUDE = 6.0
CONVERGENCE_MEAN = 9.0
CONVERGENCE_MEANDER = (Wave(2.0, 1, 0, -235.0), Wave(1.0, 2, 0, -90.0), Wave(0.5, 5, 0, 40.0))
CONVERGENCE_AMOUNT = (Wave(4.0, 1, 0, -245.0), Wave(1.2, 3, 0, 20.0))

HILLS = (
    Hill("warm pool", 13.0, 140, 2, 42, 12, swing=1.0, peak=MARCH),
    Hill("western North Pacific monsoon", 10.0, 126, 19, 18, 8, swing=13.0, peak=AUGUST),
    Hill("Bay of Bengal", 7.0, 92, 13, 10, 8, swing=9.0, peak=JULY),
    Hill("Indian Ocean south of the equator", 8.0, 72, -5, 26, 6, swing=4.0, peak=FEBRUARY),
    Hill("Melanesia", 9.0, 165, -10, 16, 7, swing=3.0, peak=FEBRUARY),
    Hill("South Pacific convergence zone", 14.0, 203, -13, 34, 5.5, -12, swing=4.0, peak=FEBRUARY),
    Hill("eastern Pacific warm pool", 12.0, 260, 12, 17, 5, swing=8.0, peak=AUGUST),
    Hill("Caribbean", 8.0, 285, 18, 15, 8, swing=9.0, peak=AUGUST),
    Hill("Gulf Stream", 4.0, 300, 33, 22, 6, 20, swing=7.0, peak=AUGUST),
    Hill("Gulf of Guinea", 13.0, 6, 0, 12, 6, swing=2.0, peak=MARCH),
    Hill("Brazil", 17.0, 321, -15, 12, 10, 35, swing=2.0, peak=FEBRUARY),
    Hill("Mozambique Channel", 8.0, 42, -25, 12, 9, 25, swing=3.0, peak=FEBRUARY),
    Hill("Kuroshio", 4.0, 160, 31, 18, 5, 15, swing=10.0, peak=AUGUST),
    Hill("Gulf of Alaska", 8.0, 217, 50, 18, 9, 35),
    Hill("North Atlantic drift", 7.0, 342, 50, 20, 9, 35),
    Hill("New Zealand storm track", 5.0, 205, -42, 24, 10, -25),
    Hill("cold tongue", -11.0, 240, -3, 32, 4.5, -6, swing=2.0, peak=MARCH),
    Hill("Peru", -10.0, 281, -18, 15, 9, -35),
    Hill("south-east Pacific", -11.0, 258, -9, 18, 7, -15),
    Hill("California", -10.0, 240, 26, 15, 8, -30, swing=4.0, peak=AUGUST),
    Hill("Namibia", -7.0, 8, -16, 14, 8, -30),
    Hill("equatorial Atlantic", -12.0, 345, -5, 18, 5, swing=2.0, peak=MARCH),
    Hill("Canaries", -8.0, 344, 24, 11, 9),
    Hill("western Australia", -9.0, 104, -22, 20, 8, swing=4.0, peak=FEBRUARY),
    Hill("Arabian Sea", -18.0, 55, 22, 13, 8, 20, swing=10.0, peak=JULY),
    Hill("Mediterranean", -3.0, 20, 36, 22, 6, swing=3.0, peak=AUGUST),
    Hill("Oyashio", -7.0, 163, 46, 24, 7, swing=2.0, peak=AUGUST),
    Hill("Labrador", -5.0, 303, 54, 14, 9),
)

MEANDER_EAST = (Wave(3.0, 3, 4.0, 25.0), Wave(2.0, 7, -9.0, 130.0), Wave(0.9, 17, 14.0, 250.0))
MEANDER_NORTH = (Wave(1.3, 4, 3.0, 80.0), Wave(0.9, 9, 6.0, 200.0), Wave(0.5, 19, -11.0, 310.0))
WEATHER = (
    Wave(0.022, 5, 7.0, 15.0), Wave(0.018, 8, -11.0, 100.0), Wave(0.015, 13, 17.0, 220.0),
    Wave(0.010, 22, -19.0, 300.0), Wave(0.008, 31, 27.0, 50.0), Wave(0.006, 43, -38.0, 170.0),
)  # fmt: skip

SOUTHERN_ICE_MEAN = -60.3
SOUTHERN_ICE = (
    Wave(3.2, 1, 0, -15.0), Wave(0.8, 3, 0, 60.0), Wave(0.5, 8, 0, 10.0), Wave(0.4, 19, 0, 0.0),
)  # fmt: skip
NORTHERN_ICE_MEAN = 76.5
NORTHERN_ICE = (
    Wave(4.2, 1, 0, -45.0), Wave(1.0, 2, 0, -50.0), Wave(0.6, 7, 0, 0.0), Wave(0.4, 16, 0, 90.0),
)  # fmt: skip


def sum_waves(waves: tuple[Wave, ...], longitude: Field, latitude: Field) -> Field:
    """Return the sum of waves at some coordinates."""
    total = np.zeros_like(longitude)
    for wave in waves:
        angle = wave.around * longitude + wave.poleward * latitude + wave.phase
        total += wave.amount * np.cos(np.radians(angle))
    return total


def bell(distance: Field) -> Field:
    """Return a Gaussian of height 1 at a distance in standard deviations."""
    return np.exp(-0.5 * distance**2)


def zonal_profile(latitude: Field) -> Field:
    """Return the water at a latitude, without the other layers."""
    # A kernel average of the knots has no kinks, which clusters would show as straight edges.
    weight = bell((latitude[..., None] - PROFILE_LATITUDE) / PROFILE_SMOOTHING)
    return weight @ PROFILE_AMOUNT / weight.sum(axis=-1)


def height(hill: Hill, longitude: Field, latitude: Field) -> Field:
    """Return the height of a hill at coordinates in degrees."""
    east = (longitude - hill.longitude + 180) % 360 - 180
    north = latitude - hill.latitude
    cos, sin = np.cos(np.radians(hill.tilt)), np.sin(np.radians(hill.tilt))
    along = (east * cos + north * sin) / hill.east_west
    across = (north * cos - east * sin) / hill.north_south
    return hill.amount * bell(np.hypot(along, across))


def compute_water(longitude: Field, latitude: Field) -> Field:
    """Return the water over each cell, as if all were ocean."""
    # The weather bends the coordinates of all layers.
    east = longitude + sum_waves(MEANDER_EAST, longitude, latitude)
    north = latitude + sum_waves(MEANDER_NORTH, longitude, latitude)
    axis = CONVERGENCE_LATITUDE + sum_waves(CONVERGENCE_MEANDER, east, north)
    amount = CONVERGENCE_MEAN + sum_waves(CONVERGENCE_AMOUNT, east, north)
    water = zonal_profile(north) + amount * bell((north - axis) / CONVERGENCE_WIDTH)
    for hill in HILLS:
        water += height(hill, east, north)
    water = np.maximum(water, DRIEST) * (1 + sum_waves(WEATHER, east, north))
    # The sum of hills has no upper limit, the water in air has: bend it towards saturation.
    return water / (1 + (water / SATURATION) ** 6) ** (1 / 6)


def find_ice(longitude: Field, latitude: Field) -> NDArray[np.bool_]:
    """Return True where the sea is frozen."""
    south = SOUTHERN_ICE_MEAN + sum_waves(SOUTHERN_ICE, longitude, latitude)
    north = NORTHERN_ICE_MEAN + sum_waves(NORTHERN_ICE, longitude, latitude)
    return (latitude < south) | (latitude > north)


def read_land() -> NDArray[np.bool_]:
    """Read the land mask, (180, 360), from -89.5 and 0.5 degrees on."""
    path = files("fastkm.datasets") / "land_1deg.npz"
    with path.open("rb") as stream, np.load(stream) as stored:
        return np.unpackbits(stored["land"], axis=1, count=360).astype(bool)
