"""Results of the public names and of the command, to the bit, as they were recorded.

``golden.json`` holds a sha256 of the results of each case. Only public names are used here, so the
test stays as it is when modules move. The digests were recorded on x86-64 Linux, on a processor
with AVX-512 and FMA, by Python 3.11, numpy 2.4.6, scipy 1.17.1, numba 0.68.1 (llvmlite 0.50.0),
scikit-learn 1.9.1, xarray 2026.9.0, netCDF4 1.7.5.1, shapely 2.2.0 (GEOS), pyproj 3.7.2 (PROJ),
geopandas 1.2.0 and pyogrio 0.13.0 (GDAL). Another processor, or another version of one of these,
may change last bits: numpy's sums and numba's fused products, BLAS, the areas and lengths of PROJ.

To record again, after a change that is meant to change results::

    python -m tests.test_golden --record
"""

import argparse
import dataclasses
import hashlib
import io
import json
import runpy
import struct
import sys
import tempfile
import time
import warnings
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import cache, partial
from pathlib import Path
from unittest import mock

import geopandas as gpd
import numba
import numpy as np
import pytest
import shapely
import xarray as xr

import fastkm
from fastkm.vector.outline import outline_in_memory
from tests.from_file import from_file

RECORD = Path(__file__).with_name("golden.json")

CASES = {}
"""By name a function that returns numbers, texts, arrays and sequences of these."""

COMPILED_ONLY = set()
"""Cases that are not compared where kernels are plain Python: they are too large for that."""

ROUNDED_ELSEWISE = set()
"""Cases that compiled kernels round otherwise: products and sums are fused in machine code."""


def case(*options, large=False, fused=False):
    """Add a case for each option, or a single one where there is none."""

    def add(function):
        ways = {f"{function.__name__}[{o}]": partial(function, o) for o in options}
        ways = ways or {function.__name__: function}
        assert not CASES.keys() & ways.keys()
        CASES.update(ways)
        COMPILED_ONLY.update(ways if large else ())
        ROUNDED_ELSEWISE.update(ways if fused else ())
        return function

    return add


# Digests


def digest(results):
    """Return the sha256 of results, in hexadecimal digits."""
    sha = hashlib.sha256()
    for part in told(results):
        sha.update(struct.pack("<q", len(part)))
        sha.update(part)
    return sha.hexdigest()


def told(result):
    """Yield the bytes that tell a result: of floats each bit, but one NaN is as another."""
    if type(result) is np.ndarray and result.dtype.kind not in "OUT":
        yield from told_array(result)
    elif type(result) is float:
        yield b"nan" if np.isnan(result) else result.hex().encode()
    elif isinstance(result, str | bytes):
        yield result.encode() if isinstance(result, str) else result
    elif result is None or isinstance(result, int):
        yield repr(result).encode()
    else:
        items = parts_of(result)
        yield f"{len(items)} parts".encode()
        for item in items:
            yield from told(item)


def parts_of(result):
    """Return the parts of what is no number, text or plain array, in a stable order."""
    if isinstance(result, np.generic):
        return [result.dtype.str, result.item()]
    if isinstance(result, np.ma.MaskedArray):
        return ["masked", np.ma.getmaskarray(result), result.filled(0)]
    if isinstance(result, np.ndarray):
        return result.tolist()
    if isinstance(result, dict):
        return [list(pair) for pair in result.items()]
    if isinstance(result, xr.DataArray):
        arrays = [result, *(result[name] for name in sorted(map(str, result.coords)))]
        return [(x.name, x.dims, x.values, sorted(x.attrs.items())) for x in arrays]
    if isinstance(result, gpd.GeoDataFrame):
        crs = None if result.crs is None else result.crs.to_epsg()
        columns = [(name, result[name].to_numpy()) for name in result.columns.drop("geometry")]
        return [crs, *columns, shapely.to_wkb(result.geometry.to_numpy()).tolist()]
    if dataclasses.is_dataclass(result):
        own = [(field.name, getattr(result, field.name)) for field in dataclasses.fields(result)]
        return [pair for pair in own if not isinstance(pair[1], str)]  # wording may change
    return list(result)


def told_array(array):
    """Yield type, shape and bytes of an array."""
    if array.dtype.kind == "f" and np.isnan(array).any():
        array = np.where(np.isnan(array), array.dtype.type(np.nan), array).astype(array.dtype)
    yield f"{array.dtype.str} {array.shape}".encode()
    yield array.tobytes()


def everything(result):
    """Return all that a `KMeans1D` tells, but its profile's way to read the data again."""
    # recorded when all results were of means
    fields = [f.name for f in dataclasses.fields(result) if f.name not in {"profile", "criterion"}]
    profile = result.profile
    pieces = profile and [profile.values, profile.weights, profile.counts, profile.widths]
    return [
        *[(name, getattr(result, name)) for name in fields],
        pieces,
        result.report(),
        saved(result),
    ]


def saved(result):
    """Return the text of a codebook's file, after holding that it is read as it was written."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "codebook.json")
        result.save(path)
        text = path.read_text(encoding="utf-8")
        if isinstance(result, fastkm.KMeans1D):
            fastkm.load_codebook(path).save(path)
            assert path.read_text(encoding="utf-8") == text
    return text


def optima(values, ks, *, to_label=None, **options):
    """Return all about the optimal clusters of values, and the labels of these or of others."""
    results = fastkm.kmeans1d(values, ks, **options)
    labelled = values if to_label is None else to_label
    label = bare_labels if isinstance(labelled, xr.DataArray) else fastkm.KMeans1D.predict
    return [(k, everything(result), label(result, labelled)) for k, result in results.items()]


# Values


def mixture(seed, size, shape=None):
    """Return values of three clusters of unlike width and size, in float64."""
    rng = np.random.default_rng(seed)
    which = rng.choice(3, size, p=[0.6, 0.3, 0.1])
    values = (
        np.array([0.0, 40.0, 100.0])[which] + rng.normal(size=size) * np.array([9, 4, 1])[which]
    )
    return values if shape is None else values.reshape(shape)


def as_type(values, dtype):
    """Return values between -30 and 110 in a type, or what comes near them."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return values > 20
    return (np.clip(values + 30, 0, 200) if dtype.kind == "u" else values).astype(dtype)


def blobs(seed, rows, features, dtype="f8", centers=5):
    """Return rows around some centers."""
    rng = np.random.default_rng(seed)
    middles = rng.normal(size=(centers, features)) * 6
    return (middles[rng.integers(centers, size=rows)] + rng.normal(size=(rows, features))).astype(
        dtype
    )


def smooth(seed, rows, columns, dtype="f8"):
    """Return an image of hills, between about -3 and 3."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((rows, columns)) / max(rows, columns)
    image = np.zeros((rows, columns))
    for fy, fx, phase, height in rng.uniform([1, 1, 0, 0.2], [25, 25, 6, 1.0], (6, 4)):
        image += height * np.sin(fy * y + fx * x + phase)
    return image.astype(dtype)


def globe(cells, *, west=0.0, descending=False, **attrs):
    """Return cells that are spread over the globe."""
    rows, columns = np.shape(cells)
    latitude = -90 + (np.arange(rows) + 0.5) * 180 / rows
    coords = {
        "lat": ("lat", latitude[::-1] if descending else latitude, {"units": "degrees_north"}),
        "lon": (
            "lon",
            west + (np.arange(columns) + 0.5) * 360 / columns,
            {"units": "degrees_east"},
        ),
    }
    return xr.DataArray(np.asarray(cells), coords, ("lat", "lon"), attrs=attrs)


# kmeans1d

TYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]
BIG_ENDIAN = [">i2", ">u4", ">i8", ">f2", ">f4", ">f8"]


@case(*TYPES, *BIG_ENDIAN)
def kmeans1d_of_type(dtype):
    values = as_type(mixture(1, 700), dtype)
    ks = [1, 2] if dtype == "?" else [3, 1, 2, 6, 12]
    others = np.linspace(-50, 150, 41)
    return [optima(values, ks), optima(values, ks[:2], to_label=others.astype("f4"))]


@case("u1", "i2", "i4", "u4", "i8", "f2", "f4", "f8", large=True)
def kmeans1d_of_many(dtype):
    return optima(as_type(mixture(2, 280_000) * (1 if dtype == "u1" else 1.1), dtype), [1, 2, 4, 7])


@case("i4", "i8", "u8", "f8")
def kmeans1d_over_the_range_of(dtype):
    rng = np.random.default_rng(3)
    if dtype == "f8":
        values = rng.choice([-1.0, 1.0], 400) * 10.0 ** rng.uniform(-30, 30, 400)
    else:
        ends = np.iinfo(dtype)
        start = ends.max - 2**50 if ends.bits == 64 else ends.min
        values = start + rng.integers(0, 2 ** min(50, ends.bits - 1), 400, dtype=dtype)
    return optima(values, [1, 2, 4, 9])


@case("i4", "i8", "f4", "f8", large=True)
def kmeans1d_of_many_over_the_range_of(dtype):
    rng = np.random.default_rng(4)
    if dtype[0] == "i":
        values = rng.integers(-(2 ** (30 if dtype == "i4" else 51)), 2**30, 300_000, dtype=dtype)
    else:
        values = (np.exp(rng.normal(size=300_000) * 5) * 1e3).astype(dtype)
    return optima(values, [1, 2, 5, 8])


@case("fortran", "strided", "reversed", "list", "broadcast", "empty cells")
def kmeans1d_laid_out(layout):
    values = mixture(5, 600, (20, 30))
    given = {
        "fortran": np.asfortranarray(values),
        "strided": values[::2, 1::3],
        "reversed": values[::-1, ::-1],
        "list": values[:4].tolist(),
        "broadcast": np.broadcast_to(values[:1], (5, 30)),
        "empty cells": np.where(values > 95, np.nan, values),
    }[layout]
    return optima(given, [2, 5], to_label=np.asarray(given))


@case("i2", "u1", "f4", "f8", ">f4")
def kmeans1d_masked(dtype):
    values = as_type(mixture(6, 600, (20, 30)), dtype)
    absent = np.random.default_rng(7).random(values.shape) < 0.3
    return optima(np.ma.MaskedArray(values, absent), [1, 3, 7])


PACKINGS = {
    "scale": {"scale_factor": 0.1},
    "offset": {"add_offset": 273.15},
    "both": {"scale_factor": 0.01, "add_offset": -5.0},
    "negative scale": {"scale_factor": -0.1, "add_offset": 20.0},
    "float32": {"scale_factor": np.float32(0.05), "add_offset": np.float32(300)},
    "fill": {"scale_factor": 0.1, "_FillValue": 0},
    "rules": {
        "scale_factor": 0.5, "_FillValue": 5, "missing_value": 7, "valid_range": [-20, 90],
    },
    "unsigned": {"scale_factor": 0.5, "_Unsigned": "true"},
    "unpacked": {"_FillValue": 3, "valid_max": 80},
}  # fmt: skip


def packed(values, packing, dtype, *, decoded):
    """Return a raster of integers with attributes, as in a file or as xarray decodes it."""
    attributes = {
        name: value
        if name in ("scale_factor", "add_offset", "_Unsigned")
        else np.array(value, dtype)
        for name, value in PACKINGS[packing].items()
    }
    raw = from_file(xr.DataArray(values.astype(dtype), dims=("y", "x")), **attributes)
    if not decoded:
        return raw
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*has multiple fill values", xr.SerializationWarning)
        return xr.decode_cf(raw.to_dataset(name="v"))["v"].load()


@case(*PACKINGS)
def kmeans1d_packed(packing):
    values = mixture(8, 600, (20, 30)).round()
    areas = np.cos(np.deg2rad(np.linspace(-90, 90, 20)))[:, None]
    return [
        [optima(raster, [2, 5]), optima(raster, [3], weights=areas)]
        for dtype in ("i1", "i2")
        for decoded in (False, True)
        for raster in [packed(values, packing, dtype, decoded=decoded)]
    ]


@case("f4", "f8")
def kmeans1d_of_a_raster_with_attributes(dtype):
    values = mixture(9, 600, (20, 30)).round(1).astype(dtype)
    rules = {"_FillValue": values[3, 4], "missing_value": [values[1, 1], values[0, 5]]}
    raster = from_file(globe(values, units="mm"), **rules, valid_min=-15.0, valid_max=99.0)
    return optima(raster, [2, 4], weights=np.cos(np.deg2rad(raster["lat"])))


@case()
def kmeans1d_with_as_many_clusters_as_values():
    rng = np.random.default_rng(10)
    values = [rng.normal(size=40), np.arange(12), rng.integers(0, 9, 50).astype("f4")]
    return [optima(x, [len(np.unique(x)), len(np.unique(x)) - 1]) for x in values]


@case()
def kmeans1d_with_more_clusters_than_values():
    with pytest.warns(UserWarning, match="distinct values") as caught:
        results = optima(np.array([3.0, 1.0, 1.0, np.nan]), [1, 2, 3, 4])
    with pytest.raises(fastkm.ClusterError):
        fastkm.kmeans1d([1, 1], 2)
    return [results, len(caught)]


def some_weights(kind, size):
    """Return weights of a kind."""
    rng = np.random.default_rng(11)
    return {
        "uniform": rng.random(size),
        "areas": np.cos(np.deg2rad(np.linspace(-90, 90, size))) * 1.23e10,
        "zeros": rng.choice([0.0, 1.0, 2.5], size),
        "equal": np.full(size, 0.7),
        "float32": rng.random(size).astype("f4"),
        "integers": rng.integers(0, 5, size),
        "apart": np.where(rng.random(size) < 0.3, 1.0, 2.0 ** -rng.integers(5.0, 30.0, size)),
    }[kind]


WEIGHTS = ["uniform", "areas", "zeros", "equal", "float32", "integers", "apart"]


@case(*WEIGHTS)
def kmeans1d_weighted(kind):
    values = mixture(12, 500)
    return [
        optima(as_type(values, dtype), [1, 2, 3, 6], weights=some_weights(kind, 500))
        for dtype in ("i2", "i8", "f4", "f8")
    ]


@case("areas", "zeros", "apart", large=True)
def kmeans1d_of_many_weighted(kind):
    weights = some_weights(kind, 280_000)
    values = mixture(13, 280_000)
    return [optima(values.astype(t), [2, 6], weights=weights) for t in ("i2", "f4", "f8")]


def hostile(kind, size):
    """Return values of a kind that breaks sums in float64, or ties."""
    rng = np.random.default_rng(14)
    x = rng.normal(size=size)
    sign = rng.choice([-1.0, 1.0], size)
    small = np.finfo("f8").smallest_subnormal
    return {
        "ties": rng.integers(-4, 5, size) * 1.0,
        "offset": 1e9 + x * 200,
        "far offset": 1e9 + x,
        "subnormals": rng.integers(-400, 400, size) * small,
        "signed zeros": np.where(rng.random(size) < 0.5, np.copysign(0.0, sign), x.round()),
        "huge": np.append(x[:-2], [1e300, -1e300]),
        "outlier": np.append(x[:-1], 1e12),
        "negative outlier": np.append(x[:-2], [-1e30, 1e12]),
        "equispaced": np.arange(size) * 1.0,
        "equispaced tenths": np.arange(size) * 0.1,
        "duplicated": np.repeat(x[: size // 10], 10),
        "20 orders": sign * 10.0 ** rng.uniform(-20, 20, size),
        "300 orders": sign * 10.0 ** rng.uniform(-300, 300, size),
        "ends": (2 * rng.random(size) - 1) * 1.79e308,
        "skewed": np.exp(4 * x),
        "scales": 10.0 ** rng.uniform(-3, 6, 3)[rng.integers(3, size=size)] * (1 + 0.1 * x),
        "mirrored": np.round(np.concatenate([x[: size // 2], -x[: size // 2]]), 2),
        "neighbours": 1.0 + rng.integers(0, 50, size) * 2.0**-52,
    }[kind]


HOSTILE = [
    "ties", "offset", "far offset", "subnormals", "signed zeros", "huge", "outlier",
    "negative outlier", "equispaced", "equispaced tenths", "duplicated", "20 orders", "300 orders",
    "ends", "skewed", "scales", "mirrored", "neighbours",
]  # fmt: skip
BEYOND = {"huge", "300 orders", "ends"}
"""Kinds whose inertia is beyond float64."""


def hostile_optima(kind, size, ks, weight=None):
    """Return the optima of hostile values, and what was warned of."""
    values = hostile(kind, size)
    weights = None if weight is None else np.full(len(values), weight)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        if kind in BEYOND:
            warnings.filterwarnings("always", "the inertia is beyond float64")
        results = optima(values, ks, weights=weights)
    return [results, len(caught)]


@case(*HOSTILE)
def kmeans1d_of_hostile(kind):
    return [hostile_optima(kind, 120, [1, 2, 3, 5]), hostile_optima(kind, 120, [2, 4], 0.7)]


@case("ties", "far offset", "subnormals", "huge", "300 orders", "ends", "skewed", large=True)
def kmeans1d_of_many_hostile(kind):
    ks = [1, 2, 3] if kind == "huge" else [1, 2, 5]  # 5 of these take a minute
    return hostile_optima(kind, 265_000, ks)


@case("f4", "f8")
def kmeans1d_of_hostile_in(dtype):
    with np.errstate(over="ignore"):
        kinds = {kind: hostile(kind, 100).astype(dtype) for kind in ("ties", "offset", "mirrored")}
    tiny = np.finfo(dtype).smallest_subnormal
    kinds["subnormals"] = np.arange(-50, 50).astype(dtype) * tiny
    return [optima(values, [2, 5]) for values in kinds.values()]


@case()
def kmeans1d_of_chunks():
    values = mixture(15, 600)
    weights = some_weights("areas", 600)
    chunks = np.array_split(values, 7)
    pairs = list(zip(chunks, np.array_split(weights, 7), strict=True))
    types = [chunks[0].astype("f4"), chunks[1].astype("i2"), chunks[2]]
    grid = values.reshape(20, 30).round()
    rasters = [packed(grid, name, "i1", decoded=False) for name in ("scale", "both", "unpacked")]
    return [
        optima(lambda: chunks, [2, 5], to_label=values),
        optima(lambda: iter(pairs), [2, 5], to_label=values),
        optima(lambda: types, [2, 5], to_label=values),
        optima(lambda: rasters, [2, 5], to_label=values),
        optima(lambda: rasters[:1] * 3, [2, 5], to_label=values),
    ]


@case("f4", "f8", "i4", large=True)
def kmeans1d_of_large_chunks(dtype):
    values = mixture(16, 500_000).astype(dtype)
    chunks = np.array_split(values, 9)
    return optima(lambda: chunks, [2, 6], to_label=values[::7])


@case("f4", "f8", "i2")
def kmeans1d_of_dask_arrays(dtype):
    import dask.array as da

    values = as_type(mixture(17, 600, (20, 30)), dtype)
    lazy = da.from_array(values, chunks=(6, 11))
    weights = da.from_array(some_weights("areas", 600).reshape(20, 30), chunks=(6, 11))
    raster = xr.DataArray(lazy, dims=("y", "x"))
    labels = fastkm.kmeans1d(lazy, 3).predict(lazy)
    return [
        optima(lazy, [2, 5], to_label=values),
        optima(lazy, [3], weights=weights, to_label=values),
        optima(raster, [3], to_label=values),
        labels.compute(scheduler="synchronous"),
    ]


@case("f4", "f8", "i4", large=True)
def kmeans1d_of_large_dask_arrays(dtype):
    import dask.array as da

    values = as_type(mixture(18, 1_200_000, (1200, 1000)), dtype)
    lazy = da.from_array(values, chunks=(100, 1000))
    return optima(lazy, [2, 6], to_label=values[::9])


@case("i1", "u2", "i8", "f2", "f4", "f8", ">f8")
def labels_of(dtype):
    return labels_by(dtype, [2, 5], mixture(19, 300, (10, 30)))


@case("i1", "f4", "f8", large=True)
def labels_of_many_clusters_of(dtype):
    return labels_by(dtype, [127, 129], mixture(19, 600, (20, 30)))


def labels_by(dtype, ks, values):
    """Return labels by clusters of values, of others of a type, in each form."""
    others = as_type(values * 1.4 - 9, dtype)
    absent = np.random.default_rng(20).random(others.shape) < 0.2
    labels = []
    for k in ks:
        result = fastkm.kmeans1d(values, k)
        out = np.empty(others.shape, "i4")
        assert result.predict(others, out=out) is out
        labels += [result.predict(others), out, result.predict(np.ma.MaskedArray(others, absent))]
        labels += [bare_labels(result, globe(others)), result.predict(result.breaks)]
    return labels


def bare_labels(result, raster):
    """Return a label map without its name and attributes, as labels were when they were recorded."""
    labels = result.predict(raster).rename(raster.name)
    labels.attrs = {}
    return labels


@case("silhouette", "bic", "calinski_harabasz", "elbow")
def choose_k(criterion):
    values = mixture(21, 400)
    raster = xr.DataArray(blobs(22, 300, 3).T.reshape(3, 15, 20), dims=("band", "y", "x"))
    sets = [
        fastkm.kmeans1d(values, range(1, 8)),
        fastkm.kmeans1d(values, range(1, 8), weights=some_weights("uniform", 400)),
        fastkm.kmeans1d(values.round().astype("i2"), range(2, 8)),
        fastkm.cluster_raster(raster, range(2, 6)),
    ]
    return [as_recorded(fastkm.choose_k(results, criterion)) for results in sets]


@case("silhouette", "bic", "calinski_harabasz", "elbow", large=True)
def choose_k_of_many(criterion):
    results = fastkm.kmeans1d(mixture(23, 300_000), range(1, 7))
    return as_recorded(fastkm.choose_k(results, criterion))


def as_recorded(choice):
    """Return a choice whose scores are higher for better k; BIC is minus twice what was recorded."""
    if not choice.lower_is_better:
        return choice
    return dataclasses.replace(choice, scores={k: -s / 2 for k, s in choice.scores.items()})


# In place of scipy


def observations(features, rows=120):
    """Return rows of some features, (n,) of one."""
    rows = blobs(30 + features, rows, features)
    return rows[:, 0] if features == 1 else rows


@case(1, 2, 3, 7)
def kmeans(features):
    rows = observations(features)
    absent = np.zeros(rows.shape, bool)
    absent[::9] = True
    guess = rows[[5, 37, 70, 110]]
    return [
        *[fastkm.kmeans(rows.astype(t), 5, iter=4, rng=1) for t in ("f2", "f4", "f8", ">f8")],
        fastkm.kmeans(rows.round().astype("i4"), 4, iter=2, rng=np.random.default_rng(2)),
        fastkm.kmeans(rows, 4, iter=2, seed=3),
        fastkm.kmeans(rows, guess, thresh=1e-9),
        fastkm.kmeans(np.asfortranarray(rows.astype("f4")), guess),
        fastkm.kmeans(np.ma.MaskedArray(rows, absent), 4, iter=2, rng=4),
    ]


@case(1, 2, 3, 7)
def kmeans2(features):
    rows = observations(features)
    absent = np.zeros(rows.shape, bool)
    absent[::9] = True
    guess = rows[[5, 37, 70, 110]]
    return [
        *[
            fastkm.kmeans2(rows.astype(dtype), 4, iter=6, minit=start, rng=7)
            for dtype in ("f4", "f8")
            for start in ("points", "++")
        ],
        fastkm.kmeans2(rows, 2, minit="random", rng=1),
        fastkm.kmeans2(rows, guess, minit="matrix"),
        fastkm.kmeans2(rows.astype("f2"), guess.astype("f2")),
        fastkm.kmeans2(rows.round().astype("i2"), 3, minit="points", seed=4),
        fastkm.kmeans2(np.ma.MaskedArray(rows, absent), guess),
    ]


@case()
def kmeans2_with_empty_clusters():
    with pytest.warns(UserWarning, match="empty") as caught:
        found = fastkm.kmeans2(observations(2), np.array([[0.0, 0], [900, 900], [3, 3]]), iter=3)
    return [found, len(caught)]


@case(1, 3, 12, large=True)
def kmeans_and_kmeans2_of_many(features):
    rows = observations(features, 30_000)
    found = [fastkm.kmeans(rows.astype(t), 8, iter=3, rng=1) for t in ("f4", "f8")]
    found += [
        fastkm.kmeans2(rows.astype(dtype), 8, iter=6, minit=start, rng=2)
        for dtype in ("f4", "f8")
        for start in ("points", "++")
    ]
    return found


def codes_of(rows, seed=40):
    """Return vq's codes of rows, of several types and with missing rows."""
    rng = np.random.default_rng(seed)
    book = rows[rng.choice(len(rows), 9, replace=False)]
    absent = np.zeros(rows.shape, bool)
    absent[::9] = True
    holed = rows.copy()
    holed[5] = np.nan
    found = [
        *[fastkm.vq(rows.astype(t), book.astype(t)) for t in ("f2", "f4", "f8", ">f4")],
        fastkm.vq(rows.astype("f4"), book),
        fastkm.vq(rows.round().astype("i4"), book.round().astype("i2")),
        fastkm.vq(np.asfortranarray(rows), book[:1]),
        fastkm.vq(np.ma.MaskedArray(rows, absent), book),
        fastkm.vq(rows * 1e25, book * 1e25),
    ]
    with pytest.warns(RuntimeWarning, match="no finite distance") as caught:
        found.append(fastkm.vq(holed, book, check_finite=False))
    return [found, len(caught)]


@case(1)
@case(2, 3, 5, 12, fused=True)
def vq(features):
    return codes_of(observations(features))


@case(1, 2, 3, 5, 12, large=True)
def vq_of_many(features):
    return codes_of(observations(features, 20_000))


@case(1, 2, 7)
def whiten(features):
    rows = observations(features)
    absent = np.zeros(rows.shape, bool)
    absent[::9] = True
    return [
        *[fastkm.whiten(rows.astype(t)) for t in ("f2", "f4", "f8", ">f4", ">f8", "i2")],
        fastkm.whiten(np.asfortranarray(rows)),
        fastkm.whiten(np.ma.MaskedArray(rows, absent)),
    ]


# KMeans


def fitted(rows, k, weights=None, **options):
    """Return what an estimator has found in rows, and what it tells of others."""
    model = fastkm.KMeans(k, random_state=5, **options).fit(rows, sample_weight=weights)
    others = (np.asarray(rows)[::3] * 1.1).astype(np.asarray(rows).dtype)
    return [
        model.cluster_centers_, model.labels_, float(model.inertia_), int(model.n_iter_),
        model.predict(rows), model.predict(others), model.transform(others),
        float(model.score(others)),
    ]  # fmt: skip


@case("1 feature")
@case("2 features", "3 features", "9 features", "40 features", fused=True)
def estimator(shape):
    features = int(shape.split()[0])
    rows = blobs(50 + features, 90, features)
    weights = some_weights("zeros", 90)
    found = [
        fitted(rows.astype(dtype), k, algorithm=algorithm)
        for dtype in ("f4", "f8")
        for k in ((1, 5, 12) if features < 9 else (5,))
        for algorithm in ("auto", "lloyd", "bounded", "blas")
    ]
    return [
        *found,
        fitted(rows, 4, weights),
        fitted(rows.astype("f4"), 4, weights, algorithm="bounded"),
        fitted(rows, 4, init="random", n_init=3),
        fitted(np.asfortranarray(rows), 4, n_init=2),
        fitted(rows, 3, init=rows[:3], max_iter=2, tol=0.0),
        fitted(rows.round().astype("i4"), 4),
    ]


@case("1 x 8", "3 x 8", "12 x 32", "12 x 100", "64 x 64", large=True)
def estimator_of_many(shape):
    features, k = map(int, shape.split(" x "))
    rows = blobs(60 + features, 5_000, features, centers=k)
    ways = ["auto", "lloyd"] if features == 1 else ["auto", "lloyd", "bounded", "blas"]
    found = [
        fitted(rows.astype(dtype), k, algorithm=way, max_iter=8)
        for dtype in ("f4", "f8")
        for way in ways
    ]
    return [*found, fitted(rows, k, some_weights("uniform", len(rows)), max_iter=8)]


# Rasters


def stack(rows, columns, bands=3):
    """Return bands on the globe, some cells missing in some."""
    values = np.stack([smooth(70 + band, rows, columns) * 10**band for band in range(bands)])
    values[0, :2, :3] = np.nan
    values[-1, -1, 4:9] = np.nan
    first = globe(values[0])
    coords = {"band": [f"b{band}" for band in range(bands)], **first.coords}
    return xr.DataArray(values, coords, ("band", "lat", "lon"), attrs={"units": "K"})


def raster_parts(result, raster):
    """Return all that a `RasterClusters` tells."""
    names = "k", "labels", "centroids", "counts", "weights", "inertia", "gap", "iterations", "scale"
    parts = [(name, getattr(result, name)) for name in names]
    return [parts, result.shares, saved(result), result.predict(raster)]


def raster_clusters(raster, k, **options):
    """Return all about the clusters of a raster."""
    found = fastkm.cluster_raster(raster, k, **options)
    results = found if isinstance(found, dict) else {k: found}
    return [raster_parts(result, raster) for result in results.values()]


@case("one band", "variables", "masked", "random")
@case("bands", "standardized", "areas", "weights", fused=True)
def cluster_raster(kind):
    raster = stack(14, 20)
    one, weights = raster[0].drop_vars("band"), np.abs(np.cos(np.deg2rad(raster["lat"])))
    with xr.set_options(keep_attrs=True):  # the default of newer versions of xarray
        both = xr.Dataset({"temp": one, "rain": raster[1].drop_vars("band") ** 2})
        masked = (raster * 10).fillna(-99).round().astype("i2")
    rules = {"_FillValue": np.int16(-99), "valid_max": np.int16(4000), "scale_factor": 0.5}
    masked = from_file(masked, **rules)
    return {
        "one band": lambda: [
            raster_clusters(one, [2, 4]),
            raster_clusters(one, 3, weights="area", standardize=True),
        ],
        "bands": lambda: [
            raster_clusters(raster, [2, 5]),
            raster_clusters(raster.astype("f4"), 4),
            raster_clusters(raster[:2], 3),
        ],
        "standardized": lambda: [
            raster_clusters(raster, [2, 5], standardize=True),
            raster_clusters(raster.astype("f4"), 4, standardize=True, weights="area"),
        ],
        "areas": lambda: [raster_clusters(raster, [3], weights="area")],
        "weights": lambda: [raster_clusters(raster, 3, weights=weights)],
        "variables": lambda: [
            raster_clusters(both, [2, 4], standardize=True),
            raster_clusters(both, 3, weights="area"),
        ],
        "masked": lambda: [raster_clusters(masked, [2, 4])],
        "random": lambda: [
            raster_clusters(raster, 4, init="random", n_init=2, random_state=3),
            raster_clusters(raster, 2, init=np.array([[0.0, 0, 0], [1, 10, 100]]), max_iter=3),
        ],
    }[kind]()


@case(large=True)
def cluster_raster_of_many():
    raster = stack(150, 260)
    return [
        raster_clusters(raster, [3, 8], standardize=True, weights="area"),
        raster_clusters(raster.astype("f4"), 6),
        raster_clusters(raster[1].drop_vars("band"), [2, 6], weights="area"),
    ]


# Contours, regions, outlines


def traced(image, **options):
    """Return contours at some levels and with each option."""
    return [
        fastkm.find_contours(image, level, connected, orientation, **options)
        for level in (None, 0.0, 0.5)
        for connected in ("low", "high")
        for orientation in ("low", "high")
    ]


def image_of(kind, rows, columns):
    """Return an image of a kind, and the options for it."""
    rng = np.random.default_rng(80)
    hills = smooth(81, rows, columns)
    holes = rng.random(hills.shape) < 0.02
    noise = rng.integers(0, 3, hills.shape)
    return {
        "f4": (hills.astype("f4"), {}),
        "f8": (hills, {}),
        ">f8": (hills.astype(">f8"), {}),
        "bool": (noise > 1, {}),
        "u1": (noise.astype("u1"), {}),
        "i8": (noise - 1, {}),
        "nan": (np.where(holes, np.nan, hills), {}),
        "masked": (np.ma.MaskedArray(hills, holes), {}),
        "mask": (np.asfortranarray(hills), {"mask": ~holes}),
        "raster": (from_file(globe(np.where(holes, -9.0, hills)), _FillValue=-9.0), {}),
    }[kind]


IMAGES = ["f4", "f8", ">f8", "bool", "u1", "i8", "nan", "masked", "mask", "raster"]


@case(*IMAGES)
def find_contours(kind):
    image, options = image_of(kind, 18, 23)
    return traced(image, **options)


@case("f4", "u1", "nan", "masked", large=True)
def find_contours_of_many(kind):
    image, options = image_of(kind, 500, 700)
    return fastkm.find_contours(image, 0.5, **options)


def label_maps(rows, columns):
    """Return label maps by the kind of their grid."""
    hills = smooth(82, rows, columns)
    cells = np.digitize(hills, [-0.8, 0.2, 0.9])
    cells[(hills > 1.2) | (hills < -1.7)] = -1
    absent = cells == 2
    y, x = (axis * 1.5 - 12 for axis in np.indices(cells.shape).astype(float))
    curvilinear = {
        "latitude": (("y", "x"), y + 0.1 * x, {"units": "degrees_north"}),
        "longitude": (("y", "x"), x - 0.2 * y, {"units": "degrees_east"}),
    }
    degrees = {"lat": np.linspace(50, 20, rows), "lon": np.cumsum(np.linspace(1, 2, columns))}
    return {
        "array": cells,
        "noise": np.random.default_rng(83).integers(-1, 3, cells.shape).astype("i2"),
        "masked": np.ma.MaskedArray(cells, absent),
        "globe": globe(cells),
        "globe from -180": globe(cells, west=-180, descending=True),
        "globe of floats": globe(np.where(cells < 0, np.nan, cells).astype("f4")),
        "box": xr.DataArray(cells, degrees, ("lat", "lon")),
        "curvilinear": xr.DataArray(cells, curvilinear, ("y", "x")),
    }


MAPS = list(label_maps(4, 5))
GRIDS = [name for name in MAPS if name not in ("array", "noise", "masked")]


def polygons(labels):
    """Return the regions of labels in each way."""
    degrees = isinstance(labels, xr.DataArray) and labels.dims == ("lat", "lon")
    return [
        fastkm.polygonize(
            labels,
            boundary=boundary,
            connectivity=connectivity,
            junctions=False,
            longitudes=longitudes,
        )
        for boundary in ("cell", "contour")
        for connectivity in (4, 8)
        for longitudes in ((None, "0..360", "-180..180") if degrees else (None,))
    ]


@case(*MAPS)
def polygonize(kind):
    return polygons(label_maps(12, 18)[kind])


@case("noise", "globe", large=True)
def polygonize_many(kind):
    labels = label_maps(90, 180)[kind]
    return [fastkm.polygonize(labels, connectivity=c, junctions=False) for c in (4, 8)]


outlines = partial(fastkm.outline, junctions=False)
outlines_in_memory = partial(outline_in_memory, junctions=False)
"""Recorded when there were none."""


@case(*GRIDS)
def outline(kind):
    labels = label_maps(12, 18)[kind]
    values = labels.copy(data=smooth(84, 12, 18) * 9)
    values[3, 4] = np.nan
    plain = [
        outlines(labels, boundary=boundary, connectivity=connectivity)
        for boundary in ("cell", "contour")
        for connectivity in (4, 8)
    ]
    return [
        *plain,
        outlines(labels, values=values, select="highest", min_diameter="3px"),
        outlines(labels, select=[0, 2], min_diameter="500km", min_area="20000km2"),
        outlines(labels, bridge=1),
        outlines(values, 3, select="lowest"),
        outlines(values, 4, boundary="contour"),
    ]


@case("globe", "globe from -180", large=True)
def outline_many(kind):
    labels = label_maps(90, 180)[kind]
    return [
        outlines(labels, longitudes="-180..180", min_diameter="2px"),
        outlines(labels.copy(data=smooth(85, 90, 180)), 5, select="highest", bridge=1),
    ]


# Distances


def walk(seed, size, features=2):
    """Return the points of a random walk."""
    return np.random.default_rng(seed).normal(size=(size, features)).cumsum(axis=0)


def places(seed, size):
    """Return latitudes and longitudes."""
    return np.random.default_rng(seed).uniform([-90, -180], [90, 360], (size, 2))


def apart(points, thresholds, **options):
    """Return the farthest pair of points, and whether it is beyond thresholds."""
    offsets = np.linspace(0, len(points), 9).astype(int)
    return [
        fastkm.max_pairwise_distance(points, **options),
        tuple(fastkm.max_pairwise_distance(points, return_pair=True, **options)),
        [fastkm.exceeds_distance(points, limit, **options) for limit in thresholds],
        [fastkm.exceeds_distance(points, x, offsets=offsets, **options) for x in thresholds],
    ]


@case(1, 2, 3, 6)
def euclidean_distance(features):
    points = walk(90, 150, features)
    absent = np.zeros(points.shape, bool)
    absent[::7] = True
    methods = ("auto", "hull", "chunked") if features == 2 else ("auto", "chunked")
    return [
        apart(points, [0, 3, 10, 1e3]),
        apart(points.astype("f4"), [5]),
        apart((points * 10).astype("i4"), [40]),
        apart(points * 1e200, [1e201]),
        apart(np.ma.MaskedArray(points, absent), [3, 8]),
        [fastkm.max_pairwise_distance(points, method=method) for method in methods],
    ]


@case(2, 3, large=True)
def euclidean_distance_of_many(features):
    size = 60_000 if features == 2 else 3_000
    return apart(walk(91, size, features), [10, 50, 1e3])


@case("great_circle", "geodesic")
def distance_on_the_globe(metric):
    near = places(92, 40) * 0.01
    return [
        apart(places(93, 60), [0, 1e6, 1.9e7, 3e7], metric=metric),
        apart(near, [1e4, 2e5], metric=metric),
        fastkm.max_pairwise_distance(near, metric=metric, method="chunked"),
        fastkm.max_pairwise_distance([[90, 0], [-90, 17], [0, 0]], metric=metric),
    ]


@case("great_circle", "geodesic", large=True)
def distance_on_the_globe_of_many(metric):
    return [
        apart(places(94, 2_000), [1e6, 2e7], metric=metric),
        apart(np.clip(walk(95, 3_000) * 0.2, -80, 80), [1e6, 4e6], metric=metric),
    ]


# Files and the command


def months(folder, count=3):
    """Write small monthly files with packed integers, fill values and a valid range."""
    Path(folder).mkdir()
    rows, columns = 12, 18
    for month in range(count):
        hills = smooth(100 + month, rows, columns) * 4 + 20
        stored = (hills * 100).round().astype("i2")
        stored[:, :2] = -999
        stored[0, 5 + month] = 9000
        raster = globe(stored).expand_dims("time").assign_coords(time=[15 + 30 * month])
        raster["time"].attrs = {"units": "days since 1988-01-01", "standard_name": "time"}
        raster["lat"].attrs["standard_name"] = "latitude"
        raster["lon"].attrs["standard_name"] = "longitude"
        raster.attrs = {
            "units": "kg m-2", "long_name": "water", "scale_factor": 0.01,
            "_FillValue": np.int16(-999), "valid_range": np.array([0, 8000], "i2"),
        }  # fmt: skip
        encoding = {name: {"_FillValue": None} for name in ("time", "lat", "lon")}
        file = raster.to_dataset(name="water")
        file.to_netcdf(f"{folder}/m{month + 1}.nc", encoding=encoding)


@case()
def read_raster():
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        months("in", 1)
        rasters = [
            fastkm.read_raster("in/m1.nc"),
            fastkm.read_raster("in/m1.nc", "water", missing="keep"),
            fastkm.read_raster("in/m1.nc", time="1988-01", bbox=(-60, -40, 75, 60)),
        ]
        labels = bare_labels(fastkm.kmeans1d(rasters[0], 3), rasters[1])
    return [[raster.name, raster] for raster in rasters] + [labels]


def undrawn(figure, file, **options):
    """Leave an empty file in place of a figure: figures are not compared, and take most time."""
    if isinstance(file, str | Path):
        Path(file).touch()


def command(*words):
    """Run the command ``fastkm`` in this process; it must succeed."""
    with (
        mock.patch.object(sys, "argv", ["fastkm", *words]),
        redirect_stdout(io.StringIO()),
        redirect_stderr(io.StringIO()),
        mock.patch("matplotlib.figure.Figure.savefig", undrawn),
        mock.patch("fastkm.workflows.outline_file.outline", outlines),
        mock.patch("fastkm.workflows.archive.step_tasks.outline_in_memory", outlines_in_memory),
    ):
        try:
            runpy.run_module("fastkm", run_name="__main__")
        except SystemExit as ended:
            assert not ended.code, ended  # noqa: PT017


DATED = {"history", "source", "date_created", "date_modified"}
"""Attributes that tell of versions, times and paths."""


def label_file(path):
    """Return the variables of a file of label maps, as stored."""
    with xr.open_dataset(path, decode_cf=False) as file:
        file.load()
        parts = []
        for name in sorted(map(str, file.variables)):
            variable = file[name].variable
            if name == "time" and variable.dtype == np.float64:  # the inputs have integers
                assert (variable % 1 == 0).all()
                variable = variable.astype(np.int64)
            if name in {"centroids", "breaks"}:  # recorded with time first
                variable = variable.transpose("time", ...)
            attrs = {key: variable.attrs[key] for key in sorted(variable.attrs.keys() - DATED)}
            parts.append([name, variable.dims, variable.values, attrs])
        return [parts, [(key, file.attrs[key]) for key in sorted(file.attrs.keys() - DATED)]]


def table(path):
    """Return a table without its columns of area, which are those of `cells` on the globe."""
    text = path.read_bytes()
    if b",area_share\r\n" not in text:
        return text
    return b"".join(line.rsplit(b",", 2)[0] + b"\r\n" for line in text.splitlines())


def codebook_file(path):
    """Return the numbers of a codebook's file."""
    stored = json.loads(Path(path).read_bytes())
    names = "k", "inertia", "gap", "centroids", "breaks", "counts", "weights", "ranges", "variances"
    return [(name, stored[name]) for name in names if name in stored]


def outline_file(path):
    """Return the rows of a file of outlines."""
    frame = gpd.read_file(path)
    for name in frame.columns.drop("geometry"):
        if frame[name].dtype.kind == "M":
            frame[name] = frame[name].astype(str)
    return frame


def results_of(folder):
    """Return what a run has left in a folder, by the names of files."""
    readers = {
        "codebook*.json": codebook_file,
        "*.csv": table,
        "labels*.nc": label_file,
        "labels/*.nc": label_file,
        "*.gpkg": outline_file,
        "summary.json": Path.read_bytes,
    }
    return [
        (path.name, read(path))
        for pattern, read in readers.items()
        for path in sorted(Path(folder).glob(pattern))
    ]


CHANGES = {"persistence.csv", "transitions.csv"}
"""Tables of changes through time, which have a case of their own."""


@cache
def run_archive(kind):
    options = {
        "sample": ["-k", "4", "--min-diameter", "2000km"],
        "common": ["-k", "2:5", "--choose", "bic", "--select", "all", "--years", "1988"],
        "per-step": ["-k", "3", "--codebook", "per-step", "--weights", "area"],
    }[kind]
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        if kind == "sample":
            command("sample", "in", "--months", "3")
        else:
            months("in")
        command("archive", "in/*.nc", *options, "--longitudes", "raster", "-o", "out", "-q")
        return results_of("out")


@case("sample", large=True)
@case("common", "per-step")
def archive(kind):
    found = [(name, result) for name, result in run_archive(kind) if name not in CHANGES]
    assert {name for name, _ in found} > {"areas.csv", "outlines.gpkg", "codebook.json"}
    return found


@case("sample", large=True)
@case("common", "per-step")
def archive_changes(kind):
    found = [(name, result) for name, result in run_archive(kind) if name in CHANGES]
    assert {name for name, _ in found} == CHANGES
    return found


@case("choice", "bands", "label map", "other file")
def cluster(kind):
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        months("in", 2)
        options = {
            "choice": ["-k", "2:4", "--choose", "silhouette", "--weights", "area"],
            "bands": ["-k", "3", "--time", "all", "--standardize"],
            "label map": ["-k", "3", "--bbox=-90,-60,90,60"],
            "other file": ["-k", "3"],
        }[kind]
        output = "labels.nc" if kind == "label map" else "out"
        command("cluster", "in/m1.nc", *options, "-o", output, "-q")
        if kind == "other file":
            command("cluster", "in/m2.nc", "--codebook", "out/codebook_k3.json", "-o", "out2", "-q")
            output = "out2"
        found = results_of(output if output != "labels.nc" else ".")
    assert found
    return found


@case("sample", large=True)
@case("gpkg", "geojson", "shp")
def outline_command(kind):
    file = f"out.{kind if kind != 'sample' else 'gpkg'}"
    same = ["--longitudes", "raster"]  # files have had others since
    options = {
        "sample": ["-k", "4", "--min-diameter", "2000km", "--longitudes=-180..180"],
        "gpkg": ["-k", "2:3", "--select", "all", *same],
        "geojson": ["-k", "3", "--boundary", "contour", "--connectivity", "8", *same],
        "shp": ["-k", "4", "--bridge", "1", "--min-area", "20000km2", *same],
    }[kind]
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        if kind == "sample":
            command("sample", "in.nc")
            stored = label_file("in.nc")
        else:
            months("in", 1)
            stored = None
        command("outline", "in.nc" if stored else "in/m1.nc", *options, "-o", file, "-q")
        return [stored, outline_file(file)]


# The test, and how to record


@pytest.mark.usefixtures("without_figures")  # a digest holds none
@pytest.mark.parametrize("name", CASES)
def test_results_are_those_recorded(name):
    if numba.config.DISABLE_JIT and name in COMPILED_ONLY:
        pytest.skip("too large where kernels are not compiled")
    if numba.config.DISABLE_JIT and name in ROUNDED_ELSEWISE:
        pytest.skip("compiled kernels round otherwise")
    assert digest(CASES[name]()) == json.loads(RECORD.read_text(encoding="utf-8"))[name]


def test_the_record_has_each_case():
    assert list(json.loads(RECORD.read_text(encoding="utf-8"))) == sorted(CASES)


def main():
    """Record the results of today, or with a file name write them there to be compared."""
    parser = argparse.ArgumentParser(description="Record the digests of all cases.")
    parser.add_argument("--record", action="store_true", required=True)
    parser.add_argument("--output", type=Path, default=RECORD)
    asked = parser.parse_args()
    warnings.simplefilter("error")
    digests = {}
    for name in sorted(CASES):
        if numba.config.DISABLE_JIT and name in COMPILED_ONLY:
            continue
        start = time.perf_counter()
        digests[name] = digest(CASES[name]())
        print(f"{time.perf_counter() - start:7.3f} s  {name}")
    asked.output.write_text(json.dumps(digests, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
