"""Write a plan in a format."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

from tests.fuzz.plan import WORDS, Plan

CLASSIC_TYPES = ("i1", "i2", "i4", "f4", "f8")
"""Types of the classic formats."""


def write_netcdf(plan: Plan, path: Path, form: str) -> None:
    """Write a plan as netCDF; what the format cannot hold is left out."""

    def fit(numbers: Any) -> Any:
        """Convert numbers to a type that the format has."""
        numbers = np.asarray(numbers)
        wide = form in {"NETCDF4", "NETCDF3_64BIT_DATA"} or numbers.dtype.kind not in "iufb"
        if wide or numbers.dtype.str[1:] in CLASSIC_TYPES:
            return numbers
        return numbers.astype("f8" if numbers.dtype.kind == "f" else "i4")

    def set_attributes(owner: Any, attrs: dict[str, Any]) -> None:
        for name, value in attrs.items():
            with suppress(Exception):  # what a format has no attribute for is left out
                owner.setncattr(
                    name, fit(value) if isinstance(value, np.ndarray | np.generic) else value
                )

    def add(
        name: str, dims: Any, values: Any, attrs: Any, fill: Any = None, **options: Any
    ) -> None:
        for dim, size in zip(dims, np.shape(values), strict=True):
            if dim not in own.dimensions:
                is_record = dim == plan.unlimited and (form == "NETCDF4" or dim == plan.dims[0])
                own.createDimension(dim, None if is_record else size)
        variable = own.createVariable(name, values.dtype, dims, fill_value=fill, **options)
        variable.set_auto_maskandscale(False)
        variable.set_auto_chartostring(False)
        set_attributes(variable, attrs)
        variable[...] = values

    with netCDF4.Dataset(path, "w", format=form, auto_complex=True) as file:
        own = file.createGroup(plan.group) if plan.group and form == "NETCDF4" else file
        if own is file:
            plan.group = ""
        set_attributes(file, plan.globals)
        values = fit(plan.values)
        fill = None if plan.fill is None else values.dtype.type(plan.fill)
        storage = dict(plan.storage) if form.startswith("NETCDF4") else {}
        if "chunks" in storage and 0 not in values.shape:
            storage["chunksizes"] = [min(storage["chunks"], size) for size in values.shape]
        storage.pop("chunks", None)
        add(plan.name, plan.dims, values, plan.attrs, fill, **storage)
        for name, (dims, numbers, attrs) in plan.more.items():
            with suppress(Exception):
                add(name, dims, fit(numbers), attrs)
        with suppress(Exception):
            _add_special(own, plan)


def _add_special(file: Any, plan: Plan) -> None:
    """Add a variable of a type that is no real number; beside the raster, or along its rows."""
    dims, shape = plan.dims, plan.values.shape
    match plan.special:
        case "char":
            file.createVariable("special", "S1", dims)[...] = np.full(shape, b"a")
        case "string":
            file.createVariable("special", str, dims)[...] = np.full(shape, "é", object)
        case "complex":
            file.createVariable("special", "c16", dims)[...] = np.full(shape, 1 + 2j)
        case "vlen":
            kind = file.createVLType("f4", "many")
            file.createVariable("special", kind, dims[-1:])[0] = np.arange(3, dtype="f4")
        case "enum":
            kind = file.createEnumType("u1", "sky", {"clear": 0, "cloudy": 1})
            file.createVariable("special", kind, dims)[...] = np.ones(shape, "u1")
        case "compound":
            kind = file.createCompoundType(np.dtype([("a", "f4"), ("b", "i2")]), "pair")
            file.createVariable("special", kind, dims)


def write_zarr(plan: Plan, path: Path, version: int) -> None:
    """Write a plan as a Zarr store of format 2 or 3."""
    import xarray as xr

    def as_json(value: Any) -> Any:
        plain = np.asarray(value).tolist() if isinstance(value, np.ndarray | np.generic) else value
        return plain if not isinstance(plain, bytes) else "bytes"

    def describe(attrs: dict[str, Any]) -> dict[str, Any]:
        return {name: as_json(value) for name, value in attrs.items()}

    data = xr.Dataset(attrs=describe(plan.globals))
    plan.name = plan.name.replace("/", "_")
    data[plan.name] = (plan.dims, plan.values, describe(plan.attrs))
    if plan.fill is not None:
        data[plan.name].attrs["_FillValue"] = plan.fill
    for name, (dims, numbers, attrs) in plan.more.items():
        with suppress(Exception):
            data[name] = (dims, numbers, describe(attrs))
    data = data.reset_coords()
    if "chunks" in plan.storage and 0 not in plan.values.shape:
        chunks = tuple(min(plan.storage["chunks"], size) for size in plan.values.shape)
        data[plan.name].encoding["chunks"] = chunks
    data.to_zarr(
        path, group=plan.group or None, zarr_format=version, consolidated=plan.rng.random() < 0.5
    )


def write_geotiff(plan: Plan, path: Path) -> None:
    """Write all bands of a plan as a GeoTIFF."""
    import rasterio

    values = _arrange_bands(plan)
    count, height, width = values.shape
    shape = {"count": count, "height": height, "width": width, "dtype": values.dtype}
    options = _choose_place(plan) | _choose_nodata(plan, values.dtype)
    if plan.storage:
        options |= {"tiled": True, "blockxsize": 16, "blockysize": 16, "ENDIANNESS": "BIG"}
        options["compress"] = plan.rng.choice(["deflate", "lzw"])
        options["interleave"] = plan.rng.choice(["band", "pixel"])
    with rasterio.open(path, "w", driver="GTiff", **shape, **options) as file:
        file.write(values)
        for describe in (_pack_bands, _name_bands, _mask_bands):
            with suppress(Exception):  # what a GeoTIFF cannot hold is left out
                describe(file, plan)


def _arrange_bands(plan: Plan) -> np.ndarray:
    values = plan.values
    while values.ndim > 3:
        values = values[0]
    values = values[(None,) * (3 - values.ndim)]
    if 0 in values.shape:
        values = np.zeros((1, 1, 1), values.dtype)
    return values.astype(plan.rng.choice(["c8", "c16"])) if plan.special == "complex" else values


def _choose_place(plan: Plan) -> dict[str, Any]:
    from rasterio import Affine

    systems = [None, "EPSG:4326", "EPSG:4326", "EPSG:4807", "EPSG:32633", "EPSG:3413"]
    system = plan.rng.choice(systems)
    if system in systems[4:]:
        places = [(30, 0, 5e5, 0, -20, 5e6), (30, 5, 5e5, 5, -30, 5e6), (1, 0, 0, 0, 1, 0)]
    else:
        places = [(10, 0, -60, 0, -10, 50), (10, 0, -60, 0, 5, -50), (30, 0, 0, 0, -9, 80)]
        places += [(1, 0, 0, 0, 1, 0), (0, 0, 0, 0, 0, 0), (2, 1, 10, 1, -2, 50)]
    return {"crs": system, "transform": Affine(*plan.rng.choice(places))}


def _choose_nodata(plan: Plan, dtype: np.dtype) -> dict[str, Any]:
    nodata = plan.fill
    if nodata is None and plan.rng.random() < 0.1:
        nodata = plan.rng.choice([0, 3, float("nan"), -1])
    if nodata is not None and dtype.kind in "iu":
        limits = np.iinfo(dtype)
        nodata = nodata if limits.min <= nodata <= min(limits.max, 2**53) else None
    return {} if nodata is None else {"nodata": nodata}


def _pack_bands(file: Any, plan: Plan) -> None:
    if "add_offset" in plan.attrs or "scale_factor" in plan.attrs:
        file.scales = [float(plan.attrs.get("scale_factor", 1))] * file.count
        file.offsets = [float(plan.attrs.get("add_offset", 0))] * file.count


def _name_bands(file: Any, plan: Plan) -> None:
    file.set_band_unit(1, str(plan.attrs.get("units", "")))
    file.set_band_description(1, str(plan.attrs.get("long_name", "")))
    file.update_tags(TIFFTAG_SOFTWARE="x", LAYER_TYPE=str(plan.rng.choice(WORDS))[:90])


def _mask_bands(file: Any, plan: Plan) -> None:
    from rasterio.enums import ColorInterp

    if plan.rng.random() < 0.15:
        file.write_mask(plan.generator().random(file.shape) < 0.7)
    if file.count > 1 and plan.rng.random() < 0.2:
        file.colorinterp = [*[ColorInterp.gray] * (file.count - 1), ColorInterp.alpha]
