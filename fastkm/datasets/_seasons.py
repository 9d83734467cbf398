"""The sample's October, set in motion: any month of any year, on any grid that divides a degree.

`drawn` makes the maps of one month; `fastkm.datasets.monthly_series` writes them. To what
`fastkm.datasets._one_month` draws are added:

- *seasons*: the zonal profile and the convergence zone move north and south, two months behind the
  sun, further in the north, and furthest over the monsoon seas; hills rise and sink, each by
  a harmonic of its own; the sea ice advances and retreats;
- *El Nino*: sines of 3.6 and 5.3 years, strongest about December, move water from the warm pool to
  the eastern Pacific, and the convergence zone towards the equator. No year is meant to be a real one;
- *trend*: 1.5 % more water a decade, and half a degree less of northern ice;
- *weather*: the waves of October and two finer ones, whose phases jump from month to month. They bend
  the profile and the convergence zone; the hills they move to first order, along their slopes;
- *gaps*: spots of heavy rain within the convergence zone, and strips that swaths left out, 0.5 to
  1.2 % of all cells.

The land stays that of 1 degree, each cell repeated; the ocean is computed on the grid asked for.

**The same on every machine.** A month is a formula of its own number: any one can be made without the
others. What two platforms' ``exp`` and ``cos`` differ by, 1e-16 or so, hides behind rounding to 0.01;
what float32 differs by does not: one unit of it, 2e-6, flips one cell in 5000. Whole maps of float64
``exp`` and ``cos`` would take a second a month. So only tables are made with them, in float64:
rows and columns for each month (a plane wave is a sum of two products of a row and a column),
and maps of the hills once for a grid. Tables are rounded to multiples of 2^-16, where
platforms meet again, and stored as float32. Whatever follows is additions, products, quotients and
square roots of float32, one at a time, which IEEE 754 defines to the bit. For that reason a bell is
``(1 - d^2 / 16)^8``, within 0.04 of a Gaussian, and saturation a root of order 8, where October has
``exp`` and a root of order 6. 35 ms a month at 0.25 degree on one core, after 0.3 s for the grid.

The amounts were set by eye and checked by number: of four clusters of ten years the moistest covers
63 million km2 in January and 75 million in July, its middle 1 degree south and 7 degrees north.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastkm.datasets import _one_month
from fastkm.datasets._one_month import ICE, LAND, Hill, Wave

Map = NDArray[np.float32]
_Cells = NDArray[np.bool_]

_FEBRUARY, _MARCH, _JULY, _AUGUST, _OCTOBER, _DECEMBER = 1, 2, 6, 7, 9, 11
_TREND = 0.0015  # of the water, a year

# What a hill gains at its peak, and loses half a year later, on top of its October.
_SEASONS = {
    "warm pool": (1.0, _MARCH),
    "western North Pacific monsoon": (13.0, _AUGUST),
    "Bay of Bengal": (9.0, _JULY),
    "Indian Ocean south of the equator": (4.0, _FEBRUARY),
    "Melanesia": (3.0, _FEBRUARY),
    "South Pacific convergence zone": (4.0, _FEBRUARY),
    "eastern Pacific warm pool": (8.0, _AUGUST),
    "Caribbean": (9.0, _AUGUST),
    "Gulf Stream": (7.0, _AUGUST),
    "Gulf of Guinea": (2.0, _MARCH),
    "Brazil": (2.0, _FEBRUARY),
    "Mozambique Channel": (3.0, _FEBRUARY),
    "Kuroshio": (10.0, _AUGUST),
    "cold tongue": (2.0, _MARCH),
    "California": (4.0, _AUGUST),
    "equatorial Atlantic": (2.0, _MARCH),
    "western Australia": (4.0, _FEBRUARY),
    "Arabian Sea": (10.0, _JULY),
    "Mediterranean": (3.0, _AUGUST),
    "Oyashio": (2.0, _AUGUST),
}
_EL_NINO = (
    Hill("central Pacific", 8.0, 205, 0, 30, 8),
    Hill("Nino 3", 7.0, 245, 1, 26, 6),
    Hill("Peru", 4.0, 279, -6, 9, 7),
    Hill("maritime continent", -6.0, 125, 2, 22, 12),
    Hill("South Pacific convergence zone", -5.0, 190, -17, 22, 6, -14),
    Hill("western North Pacific", -4.0, 150, 14, 20, 6),
    Hill("Nordeste", -4.0, 325, -3, 14, 7),
)
_FINE_WEATHER = (Wave(0.006, 67, 53.0, 10.0), Wave(0.005, 97, -81.0, 240.0))
_RAIN = (
    Wave(1.0, 23, 47.0, 0.0),
    Wave(1.0, 41, -31.0, 70.0),
    Wave(0.9, 11, 83.0, 150.0),
    Wave(0.8, 3, 9.0, 0.0),
)
_SWATHS = (Wave(1.0, 14, 4.0, 0.0), Wave(0.25, 1, 0.0, 120.0), Wave(0.2, 2, 3.0, 30.0))

_WIND_LATITUDE = np.array([-90.0, -70, -62, -48, -35, -28, -15, -5, 4, 16, 27, 33, 45, 60, 72, 90])
_WIND_AMOUNT = np.array([6.0, 8, 9.5, 11.5, 8.5, 7, 8, 6, 5.5, 8, 6.5, 7, 8.5, 8.5, 7, 6])


class Grid(NamedTuple):
    """What all months of a grid have in common; the maps are read-only."""

    longitude: NDArray[np.float64]
    latitude: NDArray[np.float64]
    land: _Cells
    october: Map
    cosine: Map
    sine: Map
    el_nino: Map


def _rounded(table: NDArray[np.float64]) -> Map:
    """Round to multiples of 2^-16: platforms differ by 1e-14, and meet again here."""
    return (np.rint(table * 65536) / 65536).astype(np.float32)


def _cosine(month: float, peak: float, period: float = 12.0) -> float:
    return math.cos(2 * math.pi * (month - peak) / period)


def _season(month: int, peak: float) -> float:
    """Give the harmonic of the year that peaks in some month, 0 in the sample's October."""
    return _cosine(month % 12, peak) - _cosine(_OCTOBER, peak)


def _el_nino(month: int) -> float:
    """Give an index of El Nino, within 1.8 of 0."""
    slow = 0.7 * _cosine(month, 49, 43.2) + 0.6 * _cosine(month, 58, 63.6)
    return slow * (1 + 0.35 * _cosine(month, _DECEMBER))


def _reach(hill: Hill) -> tuple[float, float]:
    """Give how far north and east a hill is above 0.001 of the rounding's step, in degrees."""
    cos, sin = math.cos(math.radians(hill.tilt)), math.sin(math.radians(hill.tilt))
    north = math.hypot(hill.east_west * sin, hill.north_south * cos)
    return 5 * north, 5 * math.hypot(hill.east_west * cos, hill.north_south * sin)


def _add(hill: Hill, longitude: _one_month.Field, latitude: _one_month.Field, *maps: Any) -> None:
    """Add a hill to pairs of a map and a factor, only where it is seen: a tenth of the map."""
    north, east = _reach(hill)
    rows = np.flatnonzero(np.abs(latitude - hill.latitude) < north)
    columns = np.flatnonzero(np.abs((longitude - hill.longitude + 180) % 360 - 180) < east)
    height = _one_month.height(hill, longitude[columns], latitude[rows, None])
    for total, factor in maps:
        total[np.ix_(rows, columns)] += factor * height


@lru_cache(maxsize=2)
def grid_of(parts: int) -> Grid:
    """Draw what all months share, for cells of one part of a degree: 0.3 s at 0.25 degree."""
    longitude = (np.arange(360 * parts) + 0.5) / parts
    latitude = (np.arange(180 * parts) + 0.5) / parts - 90
    mean, cosine, sine, el_nino = np.zeros((4, latitude.size, longitude.size))
    for hill in _one_month.HILLS:
        swing, peak = _SEASONS.get(hill.what, (0.0, 0))
        gain = swing / hill.amount
        _add(
            hill,
            longitude,
            latitude,
            (mean, 1 - gain * _cosine(_OCTOBER, peak)),
            (cosine, gain * _cosine(peak, 0)),
            (sine, gain * _cosine(peak, 3)),
        )
    for hill in _EL_NINO:
        _add(hill, longitude, latitude, (el_nino, 1.0))
    land = _one_month.land().repeat(parts, axis=0).repeat(parts, axis=1)
    maps = tuple(_rounded(field) for field in (mean, cosine, sine, el_nino))
    for shared in (longitude, latitude, land, *maps):
        shared.flags.writeable = False
    return Grid(longitude, latitude, land, *maps)


def _sum_of(waves: tuple[Wave, ...], month: int, grid: Grid) -> Map:
    """Sum plane waves in the phases that they have in a month: cos(a + b), by rows and columns."""
    total = np.zeros(grid.land.shape, dtype=np.float32)
    product = np.empty_like(total)
    for number, wave in enumerate(waves, 1):
        phase = wave.phase + month * (137 * number) % 360  # 137: hardly a month resembles another
        east = np.radians(wave.around * grid.longitude + phase)
        north = np.radians(wave.poleward * grid.latitude)[:, None]
        for row, column, sign in (
            (np.cos(east), np.cos(north), 1),
            (np.sin(east), np.sin(north), -1),
        ):
            np.multiply(_rounded(sign * wave.amount * column), _rounded(row), out=product)
            total += product
    return total


def _around(waves: tuple[Wave, ...], month: int, longitude: _one_month.Field) -> _one_month.Field:
    """Sum waves that depend on the longitude only; the long ones stay where they are."""
    moved = [
        wave._replace(phase=wave.phase + 73 * month % 360 * (wave.around > 4)) for wave in waves
    ]
    return _one_month.sum_of(tuple(moved), longitude, longitude)


def _bump(longitude: _one_month.Field, centre: float, width: float) -> _one_month.Field:
    return _one_month.bell(((longitude - centre + 180) % 360 - 180) / width)


def _convergence(month: int, grid: Grid, latitude: Map) -> tuple[Map, Map]:
    """Draw the convergence zone: a bell across its axis, and the amount on the axis."""
    east, el_nino = grid.longitude, _el_nino(month)
    monsoon, pacific = _bump(east, 95, 30), _bump(east, 220, 40)
    axis = _one_month.CONVERGENCE_LATITUDE + _around(_one_month.CONVERGENCE_MEANDER, month, east)
    axis += (2.2 + 5.5 * monsoon) * _season(month, _AUGUST) - 1.8 * el_nino * pacific
    amount = _one_month.CONVERGENCE_MEAN + _around(_one_month.CONVERGENCE_AMOUNT, month, east)
    amount += 1.5 * el_nino * pacific
    bell = latitude - _rounded(axis)
    bell *= np.float32(1 / (4 * _one_month.CONVERGENCE_WIDTH))
    bell *= bell
    np.subtract(1, bell, out=bell)
    np.maximum(bell, 0, out=bell)
    for _ in range(3):
        bell *= bell
    return bell, _rounded(np.maximum(amount, 0))


def _hills(month: int, grid: Grid, east: Map, north: Map) -> Map:
    """Draw the hills of a month, moved by the weather (to first order: along their slopes)."""
    moved = grid.cosine * np.float32(_cosine(month % 12, 0))
    moved += grid.sine * np.float32(_cosine(month % 12, 3))
    moved += grid.el_nino * np.float32(_el_nino(month))
    moved += grid.october
    per_degree = np.float32(grid.longitude.size / 720)
    slope = np.empty_like(moved)
    np.subtract(moved[:, 2:], moved[:, :-2], out=slope[:, 1:-1])
    np.subtract(moved[:, 1], moved[:, -1], out=slope[:, 0])
    np.subtract(moved[:, 0], moved[:, -2], out=slope[:, -1])
    slope *= east
    across = np.zeros_like(moved)
    np.subtract(moved[2:], moved[:-2], out=across[1:-1])
    across *= north
    slope += across
    slope *= per_degree
    moved += slope
    return moved


def _profile(latitude: Map, amount: _one_month.Field) -> Map:
    """Look up a table of every half degree from -100 degrees on, linearly between its entries."""
    table = _rounded(amount)
    position = latitude + 100
    position *= 2
    entry = position.astype(np.intp)
    position -= entry
    position *= np.diff(table)[entry]
    position += table[entry]
    return position


def _ice(month: int, grid: Grid) -> _Cells:
    years = month / 12
    south = _one_month.SOUTHERN_ICE_MEAN + _around(_one_month.SOUTHERN_ICE, month, grid.longitude)
    south -= 5.0 * _season(month, _MARCH)
    north = _one_month.NORTHERN_ICE_MEAN + _around(_one_month.NORTHERN_ICE, month, grid.longitude)
    north -= 6.0 * _season(month, _MARCH) - 0.05 * years
    latitude = grid.latitude[:, None]
    return (latitude < np.round(south, 6)) | (latitude > np.round(north, 6))


def _gaps(month: int, grid: Grid, bell: Map) -> _Cells:
    rain = (bell > 0.35) & (_sum_of(_RAIN, month, grid) > 2.3)
    return rain | (_sum_of(_SWATHS, month, grid) > 1.3)


def drawn(month: int, parts: int) -> dict[str, Map]:
    """Draw all variables of a month, counted from January 1988."""
    grid = grid_of(parts)
    north = _sum_of(_one_month.MEANDER_NORTH, month, grid)
    east = _sum_of(_one_month.MEANDER_EAST, month, grid)
    weather = _sum_of(_one_month.WEATHER + _FINE_WEATHER, month, grid)
    bent = north + grid.latitude.astype(np.float32)[:, None]
    bell, amount = _convergence(month, grid, bent)
    hills = _hills(month, grid, east, north)
    unseen = np.where(_ice(month, grid), np.float32(ICE), np.float32(0))
    unseen[_gaps(month, grid, bell) & (unseen == 0)] = LAND
    unseen[grid.land] = LAND

    zones = np.arange(-100, 101, 0.5)
    march = (3.8 + 2 * np.tanh(zones / 15)) * _season(month, _AUGUST)
    water = _profile(bent, _one_month.zonal_profile(zones - march))
    water += bell * amount
    water += hills
    np.maximum(water, _one_month.DRIEST, out=water)
    water *= 1 + weather
    water *= np.float32((1 + _TREND * month / 12) / _one_month.SATURATION)
    # Towards saturation, as the sample bends it, by a root that is three square roots.
    power = water * water
    for _ in range(2):
        power *= power
    power += 1
    for _ in range(3):
        np.sqrt(power, out=power)
    water /= power
    water *= _one_month.SATURATION

    winter = 1 - 0.2 * np.tanh(zones / 20) * _season(month, _AUGUST)
    wind = _profile(bent, winter * np.interp(zones, _WIND_LATITUDE, _WIND_AMOUNT))
    wind -= 2 * bell
    wind -= 8 * weather
    wind -= 0.06 * hills
    wind += 0.2 * east
    np.maximum(wind, 1, out=wind)
    return {"precipitable_water": _seen(water, unseen), "wind_speed": _seen(wind, unseen)}


def _seen(values: Map, unseen: Map) -> Map:
    values *= 100
    np.rint(values, out=values)
    values /= 100
    np.copyto(values, unseen, where=unseen < 0)
    return values
