"""What a file of one raster is to hold, before a format is chosen: plain at first, then made odd.

A `Plan` begins as a raster that many people have. Each function of `ODDITIES` changes one thing
that some file of the world has otherwise; what a format cannot hold its writer leaves out.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np

TYPES = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")
WORDS = (
    "", " ", "K", "kg m-2", "%", "100%", "$x_1$", "\\frac{1}{2}", "°C", "µm", "多年", "a\nb", "\x07",
    "\x1b[31mred", "[bold]b[/bold]", "{0}", "=1+1", "x" * 3000, "nan", "days", "1", "é".encode("latin-1"),
    5, 2.5, [1, 2], ["a", "b"], np.float32("nan"), [], np.int8(-1),
)  # fmt: skip
"""Texts, and what is no text, for attributes that should hold one."""

NUMBERS = ("-9999", " 3 ", "1e400", "none", "", [1.0, 2.0], [], 0, 1e300, -1e-300, float("nan"),
           float("inf"), np.int8(3), 2**40, [5, 1], "10, 60")  # fmt: skip
"""Numbers, and what is no number, for attributes that should hold one."""


@dataclass
class Plan:
    """A raster, its dimensions and attributes, and the coordinates and variables beside it."""

    rng: random.Random
    values: np.ndarray
    dims: list[str]
    attrs: dict[str, Any] = field(default_factory=dict)
    fill: Any = None
    more: dict[str, tuple[tuple[str, ...], np.ndarray, dict[str, Any]]] = field(
        default_factory=dict
    )
    globals: dict[str, Any] = field(default_factory=dict)
    name: str = "water"
    group: str = ""
    special: str = ""
    storage: dict[str, Any] = field(default_factory=dict)
    unlimited: str = ""
    odd: list[str] = field(default_factory=list)

    def generator(self) -> np.random.Generator:
        """Return a generator of numbers that follows from the seed."""
        return np.random.default_rng(self.rng.getrandbits(32))

    def number(self) -> Any:
        """Draw one value of the raster, or one near it, in its type."""
        return self.values.dtype.type(self.rng.choice(self.values.ravel().tolist() or [0]))


def draw_plan(rng: random.Random) -> Plan:
    """Draw a plain raster and, for three of four, some oddities."""
    dtype = np.dtype(rng.choice(TYPES))
    rows, columns = rng.randint(3, 12), rng.randint(3, 12)
    own = np.random.default_rng(rng.getrandbits(32))
    low, high = (0, 60) if dtype.kind == "u" or rng.random() < 0.5 else (-40, 60)
    values = own.uniform(low, high, (rows, columns)).astype(dtype)
    y, x = rng.choice([("lat", "lon"), ("latitude", "longitude"), ("y", "x"), ("row", "column")])
    plan = Plan(rng, values, [y, x])
    if y.startswith("lat"):
        north = {"units": "degrees_north", "standard_name": "latitude"}
        east = {"units": "degrees_east", "standard_name": "longitude"}
        plan.more[y] = ((y,), np.linspace(-60, 70, rows), north)
        plan.more[x] = ((x,), (np.arange(columns) + 0.5) * 360 / columns, east)
    plan.attrs |= {"units": "kg m-2", "long_name": "Precipitable water"}
    if rng.random() < 0.3:
        _add_time(plan)
    if rng.random() < 0.4:
        _declare_fill(plan)
    for change in rng.sample(ODDITIES, rng.choice([0, 1, 1, 2, 3, 5])):
        change(plan)
        plan.odd.append(change.__name__.strip("_"))
    return plan


def _add_dim(plan: Plan, name: str, size: int) -> bool:
    """Add a leading dimension; return False if the plan has it already."""
    if name in plan.dims or plan.values.ndim == 4:
        return False
    steps = [np.roll(plan.values, step, -1) for step in range(size)]
    plan.values, plan.dims = np.stack(steps), [name, *plan.dims]
    return True


def _add_time(plan: Plan) -> None:
    steps = plan.rng.randint(1, 3)
    if _add_dim(plan, "time", steps):
        days = {"units": "days since 2001-01-01", "standard_name": "time"}
        plan.more["time"] = (("time",), np.arange(steps) * 31, days)


def _add_level(plan: Plan) -> None:
    name, size = (
        plan.rng.choice(["level", "depth", "member", "band", "plev"]),
        plan.rng.randint(1, 3),
    )
    if _add_dim(plan, name, size) and plan.rng.random() < 0.6:
        plan.more[name] = ((name,), 100.0 * np.arange(size), {"units": "hPa"})


def _sprinkle(plan: Plan, value: Any) -> None:
    """Set some cells to a value, if their type has it."""
    if not np.can_cast(np.min_scalar_type(value), plan.values.dtype, "same_kind"):
        return
    cells = plan.generator().random(plan.values.shape) < plan.rng.choice([0.02, 0.2, 0.5])
    with np.errstate(all="ignore"):
        plan.values = np.where(cells, np.asarray(value).astype(plan.values.dtype), plan.values)


def _declare_fill(plan: Plan) -> None:
    dtype = plan.values.dtype
    if dtype.kind == "f":
        choices = [-999.0, 1e20, -9999, float("nan"), np.finfo(dtype).max, -1e30]
    else:
        choices = [np.iinfo(dtype).min, np.iinfo(dtype).max, 99, 0]
    plan.fill = dtype.type(plan.rng.choice(choices))
    _sprinkle(plan, plan.fill)


def _list_missing_values(plan: Plan) -> None:
    chosen = [plan.number() for _ in range(plan.rng.randint(1, 3))]
    kind = plan.rng.choice([plan.values.dtype, plan.values.dtype, np.float64, np.int32])
    plan.attrs["missing_value"] = np.array(chosen, np.float64).astype(kind)


def _limit(plan: Plan) -> None:
    ends = np.sort(np.array([plan.number(), plan.number()], plan.values.dtype))
    if plan.rng.random() < 0.2:
        ends = ends[::-1]
    if plan.rng.random() < 0.2:
        ends = ends.astype(plan.rng.choice(["f8", "i2", "i4", "f4"]))
    if plan.rng.random() < 0.5:
        plan.attrs["valid_range"] = ends
    else:
        plan.attrs |= {"valid_min": ends[0], "valid_max": ends[1]}


def _say_odd_numbers(plan: Plan) -> None:
    names = ["missing_value", "valid_min", "valid_max", "valid_range", "scale_factor", "add_offset"]
    for name in plan.rng.sample(names, plan.rng.randint(1, 2)):
        plan.attrs[name] = plan.rng.choice(NUMBERS)


def _say_odd_words(plan: Plan) -> None:
    names = ["units", "long_name", "standard_name", "coordinates", "grid_mapping", "cell_methods",
             "axis", "calendar", "bounds", "_Unsigned", "flag_values", "ancillary_variables"]  # fmt: skip
    own = [plan.attrs, plan.globals, *(attrs for _, _, attrs in plan.more.values())]
    for attrs in plan.rng.choices(own, k=plan.rng.randint(1, 3)):
        attrs[plan.rng.choice(names)] = plan.rng.choice(WORDS)
    plan.globals["history"] = plan.globals["source"] = plan.rng.choice(WORDS)


def _pack(plan: Plan) -> None:
    kind = plan.rng.choice([np.float32, np.float64])
    plan.attrs["scale_factor"] = kind(plan.rng.choice([0.01, 0.5, 2, -0.1, 1, 1e-10]))
    if plan.rng.random() < 0.6:
        plan.attrs["add_offset"] = kind(plan.rng.choice([0, 20, -273.15, 1e4]))


def _call_unsigned(plan: Plan) -> None:
    if plan.rng.random() < 0.5:
        if plan.values.dtype.kind == "f":
            plan.fill = None  # NaN and 1e20 are no bytes
        plan.values = plan.generator().integers(-128, 128, plan.values.shape).astype("i1")
        plan.attrs["valid_range"] = np.array([0, plan.rng.choice([200, 255])], "i2")
    else:
        plan.attrs["_Unsigned"] = plan.rng.choice(["true", "True", "false"])


def _spoil_values(plan: Plan) -> None:
    value = plan.rng.choice([float("nan"), float("nan"), float("inf"), 1e30, 1e300, -0.0, 127])
    _sprinkle(plan, value)


def _use_default_fill(plan: Plan) -> None:
    defaults = {"f": 9.969209968386869e36, "i2": -32767, "u2": 65535, "i4": -2147483647}
    _sprinkle(
        plan, defaults.get(plan.values.dtype.kind, defaults.get(plan.values.dtype.str[1:], 3))
    )


def _make_constant(plan: Plan) -> None:
    plan.values = np.full_like(plan.values, plan.number())
    if plan.rng.random() < 0.3:
        plan.fill = plan.values.dtype.type(plan.values.flat[0])


def _change_coordinate(plan: Plan) -> None:
    own = [name for name in plan.dims if name in plan.more and plan.more[name][1].size]
    if not own:
        return
    name = plan.rng.choice(own)
    dims, numbers, attrs = plan.more[name]
    numbers = np.array(numbers, np.float64)
    match plan.rng.randint(0, 9):
        case 0:
            numbers = numbers[::-1]
        case 1:
            plan.rng.shuffle(numbers)
        case 2:
            numbers[plan.rng.randrange(len(numbers))] = plan.rng.choice([np.nan, np.inf, 1e30])
        case 3:
            numbers[-1] = numbers[0]
        case 4:
            numbers, attrs = (
                np.radians(numbers),
                {**attrs, "units": plan.rng.choice(["radians", "rad"])},
            )
        case 5:
            numbers, attrs = (
                numbers * 10,
                {**attrs, "units": plan.rng.choice(["km", "m", "feet", "1"])},
            )
        case 6:
            attrs = {}
        case 7:
            numbers = np.full_like(numbers, plan.rng.choice([0.0, np.nan, 7]))
        case 8:
            numbers = np.linspace(0, 360, len(numbers)) + plan.rng.choice([0, 335.5, 175, -180])
        case 9:
            numbers = np.round(numbers).astype(plan.rng.choice(["i2", "i4", "f4"]))
    plan.more[name] = (dims, numbers, dict(attrs))


def _use_odd_times(plan: Plan) -> None:
    _add_time(plan)
    if "time" in plan.more:
        dims, numbers, attrs = plan.more["time"]
        units = ["months since 2000-01-01", "common_years since 1-1-1", "hours since 0000-00-00", "days",
                 "seconds since 1970-01-01T00:00:00Z", "fortnights since 1900-1-1", "days since 1-1-1",
                 "day as %Y%m%d.%f", "years since 2000", "microseconds since 2000-01-01"]  # fmt: skip
        kinds = ["standard", "noleap", "360_day", "julian", "lunar", "", "365_day", "none"]
        attrs = {**attrs, "units": plan.rng.choice(units), "calendar": plan.rng.choice(kinds)}
        if plan.rng.random() < 0.3:
            numbers = np.full(len(numbers), plan.rng.choice([np.nan, 1e18, -5, 0.5]))
        plan.more["time"] = (dims, numbers, attrs)


def _place_cells_one_by_one(plan: Plan) -> None:
    if plan.values.ndim < 2:
        return
    rows, columns = plan.values.shape[-2:]
    latitude, longitude = np.mgrid[-40 : 50 : rows * 1j, 5 : 95 : columns * 1j]
    latitude = latitude + 0.1 * longitude
    if plan.rng.random() < 0.3:
        latitude[0, 0] = longitude[0, 0] = np.nan
    names = plan.rng.choice([("lat2d", "lon2d"), ("nav_lat", "nav_lon"), ("XLAT", "XLONG")])
    for name, cells, unit in zip(names, (latitude, longitude), ("north", "east"), strict=True):
        plan.more[name] = (tuple(plan.dims[-2:]), cells, {"units": f"degrees_{unit}"})
    if plan.rng.random() < 0.7:
        plan.attrs["coordinates"] = " ".join(names)


def _map_the_grid(plan: Plan) -> None:
    rng = plan.rng
    attrs = rng.choice([
        {"grid_mapping_name": "latitude_longitude"},
        {"grid_mapping_name": "rotated_latitude_longitude", "grid_north_pole_latitude": 39.25,
         "grid_north_pole_longitude": -162.0},
        {"grid_mapping_name": "lambert_conformal_conic", "standard_parallel": [30.0, 60.0],
         "longitude_of_central_meridian": 10.0, "latitude_of_projection_origin": 45.0},
        {"grid_mapping_name": "geostationary", "perspective_point_height": 35785831.0,
         "longitude_of_projection_origin": 0.0, "sweep_angle_axis": "y"},
        {"grid_mapping_name": "sinusoidal"}, {"grid_mapping_name": "no such"}, {"crs_wkt": "junk"},
        {"spatial_ref": "EPSG:32633"}, {"crs_wkt": 5}, {"grid_mapping_name": 7}, {},
    ])  # fmt: skip
    attrs = {**attrs, "semi_major_axis": rng.choice([6371229.0, 0.0, "6371229", [1.0, 2.0]])}
    if rng.random() < 0.8:
        plan.more["crs"] = ((), np.array(0, "i4"), attrs)
    plan.attrs["grid_mapping"] = rng.choice(["crs", "crs", "crs: x y", "crs crs", "absent"])


def _transpose(plan: Plan) -> None:
    order = plan.rng.sample(range(plan.values.ndim), plan.values.ndim)
    plan.values = np.ascontiguousarray(plan.values.transpose(order))
    plan.dims = [plan.dims[number] for number in order]


def _shrink(plan: Plan) -> None:
    axis, size = plan.rng.randrange(plan.values.ndim), plan.rng.choice([1, 1, 2, 0])
    plan.values = plan.values.take(range(min(size, plan.values.shape[axis])), axis)
    dim = plan.dims[axis]
    for name, (dims, numbers, attrs) in plan.more.items():
        if dim in dims:
            own = numbers.take(range(plan.values.shape[axis]), dims.index(dim))
            plan.more[name] = (dims, own, attrs)


def _rename(plan: Plan) -> None:
    names = ["Länge", "row number", "x.y", "nlat", "XC", "time", "0", "lat", "ncells", "X" * 200]
    old, new = plan.rng.choice(plan.dims), plan.rng.choice(names)
    if new in plan.dims:
        return
    plan.dims = [new if dim == old else dim for dim in plan.dims]
    for name, (dims, numbers, attrs) in list(plan.more.items()):
        plan.more[name] = (tuple(new if dim == old else dim for dim in dims), numbers, attrs)
    if old in plan.more and plan.rng.random() < 0.5:
        plan.more[new] = plan.more.pop(old)


def _drop_a_dimension(plan: Plan) -> None:
    if len(plan.values):
        plan.values, plan.dims = plan.values[0], plan.dims[1:]


def _add_second_raster(plan: Plan) -> None:
    plan.more["other"] = (tuple(plan.dims), plan.values[..., ::-1].copy(), {"units": "1"})


def _add_bounds(plan: Plan) -> None:
    dim = plan.dims[-1]
    if dim in plan.more:
        numbers = plan.more[dim][1]
        plan.more[dim][2]["bounds"] = "limits"
        limits = np.stack([numbers - 1, numbers + 1], -1)
        plan.more["limits"] = ((dim, "two"), limits, {})


def _add_scalar(plan: Plan) -> None:
    name = plan.rng.choice(["height", "time", "forecast"])
    if name not in plan.dims:
        attrs = {"units": plan.rng.choice(["m", "days since 2000-01-01"])}
        plan.more[name] = ((), np.array(2.0), attrs)
        plan.attrs["coordinates"] = f"{plan.attrs.get('coordinates', '')} {name}".strip()


def _add_special_type(plan: Plan) -> None:
    plan.special = plan.rng.choice(
        ["char", "string", "complex", "vlen", "enum", "compound", "bool"]
    )


def _put_into_group(plan: Plan) -> None:
    plan.group = plan.rng.choice(["product", "data/20hz", "a/b/c"])


def _store_otherwise(plan: Plan) -> None:
    rng = plan.rng
    if rng.random() < 0.5:
        plan.storage["endian"] = "big"
    if rng.random() < 0.7:
        plan.storage["chunks"] = rng.randint(1, 5)
        plan.storage["zlib"] = plan.storage["fletcher32"] = rng.random() < 0.5
    plan.unlimited = rng.choice(["", *plan.dims])


def _rename_variable(plan: Plan) -> None:
    plan.name = plan.rng.choice(
        ["Länge", "a b", "x" * 150, "cluster", "labels", "a-v", "1", "a[red]", "a.b"]
    )


ODDITIES = [
    _add_level, _list_missing_values, _list_missing_values, _limit, _limit, _say_odd_numbers,
    _say_odd_words, _say_odd_words, _pack, _pack, _call_unsigned, _spoil_values, _use_default_fill,
    _make_constant, _change_coordinate, _change_coordinate, _use_odd_times, _place_cells_one_by_one,
    _map_the_grid, _transpose, _shrink, _rename, _drop_a_dimension, _add_second_raster, _add_bounds,
    _add_scalar, _add_special_type, _put_into_group, _store_otherwise, _rename_variable,
]  # fmt: skip
