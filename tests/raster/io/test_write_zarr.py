"""Label maps as Zarr stores; those of series are tested with archives."""

import sys

import numpy as np
import pytest
import xarray as xr

import fastkm
from fastkm.raster.io.write_zarr import open_label_zarr
from fastkm.raster.labels import label_raster, write_cells

zarr = pytest.importorskip("zarr")


@pytest.mark.parametrize("chunks", [None, {"y": 2, "x": 5}, {"y": (3, 1, 3), "x": 9}])
def test_round_trip(tmp_path, chunks):
    raster = xr.DataArray(
        np.random.default_rng(0).normal(size=(7, 9)), {"y": np.arange(7.0)}, ("y", "x"), "water"
    )
    raster[2, 3] = np.nan
    labels = label_raster(raster, fastkm.kmeans1d(raster, 3))
    given = labels if chunks is None else labels.chunk(chunks)
    path = tmp_path / "a.zarr"
    write_cells(given, open_label_zarr(given, path, source="a: water", history="k = 3"))
    with xr.open_zarr(path, mask_and_scale=False) as store:
        np.testing.assert_array_equal(store.cluster, labels)
        assert store.cluster.attrs["flag_meanings"] == labels.attrs["flag_meanings"]
        assert store.cluster.attrs["_FillValue"] == -1
        assert store.attrs["source"] == "a: water"
        first = (
            {"y": 7, "x": 9}
            if chunks is None
            else {"y": given.chunks[0][0], "x": given.chunks[1][0]}
        )
        assert store.cluster.encoding["chunks"] == (first["y"], first["x"])


def test_zarr_is_an_extra(labels, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(ImportError, match=r"needs zarr: pip install 'fastkm\[archive\]'"):
        write_cells(labels, open_label_zarr(labels, tmp_path / "a.zarr", source="-", history="-"))
