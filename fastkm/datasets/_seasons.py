"""The sample's October, set in motion: any month of any year, on any grid that divides a degree.

To what `fastkm.datasets._one_month` draws, `draw_month` adds

- *seasons*: the zonal profile and the convergence zone move north and south, two months behind the
  sun, further in the north, and furthest over the monsoon seas; hills rise and sink; the sea ice
  advances and retreats;
- *El Nino*: sines of 3.6 and 5.3 years, strongest about December, move water from the warm pool to
  the eastern Pacific, and the convergence zone towards the equator;
- *trend*: 1.5 % more water a decade, and half a degree less of northern ice;
- *weather*: the waves of October and two finer ones, whose phases jump from month to month. They
  bend the profile and the convergence zone, and move hills to first order, along their slopes;
- *gaps*: spots of heavy rain in the convergence zone, and strips between swaths, 0.5 to 1.2 % of
  all cells.

**The same on every machine.** A month is a formula of its own number. Two platforms' ``exp`` and
``cos`` differ by 1e-16 or so, which vanishes when values are rounded to 0.01; differences of
float32 would not. But float64 ``exp`` and ``cos`` of whole maps would take a second a month. So
only tables are made with them: rows and columns for each month (a plane wave is a sum of two
products of a row and a column), and maps of the hills once for a grid. Tables are rounded to
multiples of 2^-16, on which platforms agree again, and stored as float32. All that follows is
additions, products, quotients and square roots of float32, one at a time, which IEEE 754 defines to
the bit. Therefore a bell is ``(1 - d^2 / 16)^8``, within 0.04 of a Gaussian, and saturation a root
of order 8, where October has ``exp`` and a root of order 6. A month takes 35 ms at 0.25 degree on
one core.

The amounts were set by eye and checked by number: with four clusters of ten years, the moistest
covers 63 million km2 in January (around 1 degree south) and 75 in July (around 7 degrees north).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastkm.datasets import _one_month
from fastkm.datasets._one_month import AUGUST, ICE, LAND, MARCH, Field, Hill, Wave, sum_waves

Map = NDArray[np.float32]
Cells = NDArray[np.bool_]

OCTOBER, DECEMBER = 9, 11
TREND = 0.0015  # of the water, a year

EL_NINO = (
    Hill("central Pacific", 8.0, 205, 0, 30, 8),
    Hill("Nino 3", 7.0, 245, 1, 26, 6),
    Hill("Peru", 4.0, 279, -6, 9, 7),
    Hill("maritime continent", -6.0, 125, 2, 22, 12),
    Hill("South Pacific convergence zone", -5.0, 190, -17, 22, 6, -14),
    Hill("western North Pacific", -4.0, 150, 14, 20, 6),
    Hill("Nordeste", -4.0, 325, -3, 14, 7),
)
FINE_WEATHER = (Wave(0.006, 67, 53.0, 10.0), Wave(0.005, 97, -81.0, 240.0))
RAIN = (
    Wave(1.0, 23, 47.0, 0.0), Wave(1.0, 41, -31.0, 70.0),
    Wave(0.9, 11, 83.0, 150.0), Wave(0.8, 3, 9.0, 0.0),
)  # fmt: skip
SWATHS = (Wave(1.0, 14, 4.0, 0.0), Wave(0.25, 1, 0.0, 120.0), Wave(0.2, 2, 3.0, 30.0))

WIND_LATITUDE = np.array([-90.0, -70, -62, -48, -35, -28, -15, -5, 4, 16, 27, 33, 45, 60, 72, 90])
WIND_AMOUNT = np.array([6.0, 8, 9.5, 11.5, 8.5, 7, 8, 6, 5.5, 8, 6.5, 7, 8.5, 8.5, 7, 6])


class Grid(NamedTuple):
    """What all months of a grid have in common; the arrays are read-only.

    The hills of a month are those of ``october`` with multiples of the other three maps.
    """

    longitude: Field
    latitude: Field
    land: Cells
    october: Map
    cosine: Map
    sine: Map
    el_nino: Map


@lru_cache(maxsize=2)
def make_grid(parts: int) -> Grid:
    """Draw what all months share, for `parts` cells a degree: 0.3 s at 0.25 degree."""
    longitude = (np.arange(360 * parts) + 0.5) / parts
    latitude = (np.arange(180 * parts) + 0.5) / parts - 90
    maps = np.zeros((4, latitude.size, longitude.size))
    for hill in _one_month.HILLS:
        gain = hill.swing / hill.amount
        october = 1 - gain * _harmonic(OCTOBER, hill.peak)
        cosine, sine = gain * _harmonic(hill.peak, 0), gain * _harmonic(hill.peak, 3)
        _add_hill(hill, longitude, latitude, maps, (october, cosine, sine))
    for hill in EL_NINO:
        _add_hill(hill, longitude, latitude, maps[3:], (1.0,))
    land = _one_month.read_land().repeat(parts, axis=0).repeat(parts, axis=1)
    grid = Grid(longitude, latitude, land, *map(_round, maps))
    for shared in grid:
        shared.flags.writeable = False
    return grid


def _add_hill(
    hill: Hill, longitude: Field, latitude: Field, maps: Field, factors: tuple[float, ...]
) -> None:
    """Add multiples of a hill to the first maps, only where it is above 0.001 of the rounding."""
    cos, sin = math.cos(math.radians(hill.tilt)), math.sin(math.radians(hill.tilt))
    north = 5 * math.hypot(hill.east_west * sin, hill.north_south * cos)
    east = 5 * math.hypot(hill.east_west * cos, hill.north_south * sin)
    rows = np.flatnonzero(np.abs(latitude - hill.latitude) < north)
    columns = np.flatnonzero(np.abs((longitude - hill.longitude + 180) % 360 - 180) < east)
    height = _one_month.height(hill, longitude[columns], latitude[rows, None])
    for total, factor in zip(maps, factors, strict=False):
        total[np.ix_(rows, columns)] += factor * height


def _round(table: Field) -> Map:
    """Round to multiples of 2^-16: platforms differ by 1e-14, and agree after this."""
    return (np.rint(table * 65536) / 65536).astype(np.float32)


def _harmonic(month: float, peak: float, period: float = 12.0) -> float:
    """Return a cosine of so many months that peaks in a month."""
    return math.cos(2 * math.pi * (month - peak) / period)


def _season(month: int, peak: float) -> float:
    """Return the harmonic of the year that peaks in some month, 0 in the sample's October."""
    return _harmonic(month % 12, peak) - _harmonic(OCTOBER, peak)


def _el_nino_index(month: int) -> float:
    """Return an index of El Nino, within 1.8 of 0."""
    slow = 0.7 * _harmonic(month, 49, 43.2) + 0.6 * _harmonic(month, 58, 63.6)
    return slow * (1 + 0.35 * _harmonic(month, DECEMBER))


def _sum_weather(waves: tuple[Wave, ...], month: int, grid: Grid) -> Map:
    """Sum plane waves in their phases of a month: cos(a + b), by rows and columns."""
    total = np.zeros(grid.land.shape, dtype=np.float32)
    product = np.empty_like(total)
    for number, wave in enumerate(waves, 1):
        phase = wave.phase + month * (137 * number) % 360  # 137: hardly a month resembles another
        east = np.radians(wave.around * grid.longitude + phase)
        north = np.radians(wave.poleward * grid.latitude)[:, None]
        np.multiply(_round(wave.amount * np.cos(north)), _round(np.cos(east)), out=product)
        total += product
        np.multiply(_round(-wave.amount * np.sin(north)), _round(np.sin(east)), out=product)
        total += product
    return total


def _sum_around(waves: tuple[Wave, ...], month: int, longitude: Field) -> Field:
    """Sum waves that depend on the longitude only; the short ones move from month to month."""
    shift = 73 * month % 360
    moved = [wave._replace(phase=wave.phase + shift * (wave.around > 4)) for wave in waves]
    return sum_waves(tuple(moved), longitude, longitude)


def _draw_convergence_zone(month: int, grid: Grid, latitude: Map) -> tuple[Map, Map]:
    """Draw the convergence zone: a bell across its axis, and the amount on the axis."""
    east, el_nino = grid.longitude, _el_nino_index(month)
    monsoon = _one_month.bell(((east - 95 + 180) % 360 - 180) / 30)
    pacific = _one_month.bell(((east - 220 + 180) % 360 - 180) / 40)
    axis = _one_month.CONVERGENCE_LATITUDE + _sum_around(
        _one_month.CONVERGENCE_MEANDER, month, east
    )
    axis += (2.2 + 5.5 * monsoon) * _season(month, AUGUST) - 1.8 * el_nino * pacific
    amount = _one_month.CONVERGENCE_MEAN + _sum_around(_one_month.CONVERGENCE_AMOUNT, month, east)
    amount += 1.5 * el_nino * pacific
    # (1 - d^2 / 16)^8, by three squares
    bell = latitude - _round(axis)
    bell *= np.float32(1 / (4 * _one_month.CONVERGENCE_WIDTH))
    bell *= bell
    np.subtract(1, bell, out=bell)
    np.maximum(bell, 0, out=bell)
    for _ in range(3):
        bell *= bell
    return bell, _round(np.maximum(amount, 0))


def _draw_hills(month: int, grid: Grid, east: Map, north: Map) -> Map:
    """Draw the hills of a month, moved by the weather (to first order: along their slopes)."""
    hills = grid.cosine * np.float32(_harmonic(month % 12, 0))
    hills += grid.sine * np.float32(_harmonic(month % 12, 3))
    hills += grid.el_nino * np.float32(_el_nino_index(month))
    hills += grid.october
    # Slopes eastward go round the globe; those northward end at the poles.
    slope = np.roll(hills, -1, axis=1) - np.roll(hills, 1, axis=1)
    slope *= east
    across = np.zeros_like(hills)
    np.subtract(hills[2:], hills[:-2], out=across[1:-1])
    across *= north
    slope += across
    slope *= np.float32(grid.longitude.size / 720)
    hills += slope
    return hills


def _interpolate(latitude: Map, amount: Field) -> Map:
    """Interpolate a table of every half degree from -100 degrees on."""
    table = _round(amount)
    position = latitude + 100
    position *= 2
    entry = position.astype(np.intp)
    position -= entry
    position *= np.diff(table)[entry]
    position += table[entry]
    return position


def _find_ice(month: int, grid: Grid) -> Cells:
    """Return True where the sea is frozen in a month."""
    east, latitude = grid.longitude, grid.latitude[:, None]
    south = _one_month.SOUTHERN_ICE_MEAN + _sum_around(_one_month.SOUTHERN_ICE, month, east)
    south -= 5.0 * _season(month, MARCH)
    north = _one_month.NORTHERN_ICE_MEAN + _sum_around(_one_month.NORTHERN_ICE, month, east)
    north -= 6.0 * _season(month, MARCH) - 0.05 * (month / 12)
    return (latitude < np.round(south, 6)) | (latitude > np.round(north, 6))


def draw_month(month: int, parts: int) -> dict[str, Map]:
    """Draw all variables of a month, counted from January 1988, with `parts` cells a degree."""
    # The weather, and the layers that it bends.
    grid = make_grid(parts)
    north = _sum_weather(_one_month.MEANDER_NORTH, month, grid)
    east = _sum_weather(_one_month.MEANDER_EAST, month, grid)
    weather = _sum_weather(_one_month.WEATHER + FINE_WEATHER, month, grid)
    bent = north + grid.latitude.astype(np.float32)[:, None]
    bell, amount = _draw_convergence_zone(month, grid, bent)
    hills = _draw_hills(month, grid, east, north)

    # Cells without a value: ice, gaps by rain and between swaths, and land.
    rain = (bell > 0.35) & (_sum_weather(RAIN, month, grid) > 2.3)
    gaps = rain | (_sum_weather(SWATHS, month, grid) > 1.3)
    missing = np.where(_find_ice(month, grid), np.float32(ICE), np.float32(0))
    missing[(gaps & (missing == 0)) | grid.land] = LAND

    # Water: profile, convergence zone and hills, with the weather and the trend.
    zones = np.arange(-100, 101, 0.5)
    march = (3.8 + 2 * np.tanh(zones / 15)) * _season(month, AUGUST)
    water = _interpolate(bent, _one_month.zonal_profile(zones - march))
    water += bell * amount
    water += hills
    np.maximum(water, _one_month.DRIEST, out=water)
    water *= 1 + weather
    water *= np.float32((1 + TREND * month / 12) / _one_month.SATURATION)
    # Towards saturation, as the sample bends it, by a root that is three square roots.
    power = water * water
    for _ in range(2):
        power *= power
    power += 1
    for _ in range(3):
        np.sqrt(power, out=power)
    water /= power
    water *= _one_month.SATURATION

    # Wind: strong in winter and in the storm tracks, weak where it is moist.
    winter = 1 - 0.2 * np.tanh(zones / 20) * _season(month, AUGUST)
    wind = _interpolate(bent, winter * np.interp(zones, WIND_LATITUDE, WIND_AMOUNT))
    wind -= 2 * bell
    wind -= 8 * weather
    wind -= 0.06 * hills
    wind += 0.2 * east
    np.maximum(wind, 1, out=wind)

    # Two decimals; and what is missing.
    for drawn in (water, wind):
        np.rint(drawn * np.float32(100), out=drawn)
        np.divide(drawn, np.float32(100), out=drawn)
        np.copyto(drawn, missing, where=missing < 0)
    return {"precipitable_water": water, "wind_speed": wind}
