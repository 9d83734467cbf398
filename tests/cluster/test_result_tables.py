"""Results as datasets and data frames."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import fastkm

INF = np.inf
COLUMNS = [
    "centroid", "above", "up_to", "least", "greatest", "count", "weight", "share", "variance",
]  # fmt: skip
VALUES = np.array([1.0, 2, 3, 11, 13, 30, np.nan])


def test_a_dataset_holds_what_the_result_holds():
    result = fastkm.kmeans1d(VALUES, 3, weights=np.arange(1.0, 8))
    dataset = result.to_dataset()
    assert list(dataset.data_vars) == COLUMNS
    assert dataset.cluster.values.tolist() == [0, 1, 2]
    for name in ("centroid", "count", "weight", "variance"):
        np.testing.assert_array_equal(dataset[name], getattr(result, f"{name}s"))
    np.testing.assert_array_equal(dataset.above, [-INF, *result.breaks])
    np.testing.assert_array_equal(dataset.up_to, [*result.breaks, INF])
    np.testing.assert_array_equal(np.stack([dataset.least, dataset.greatest], 1), result.ranges)
    assert dataset.share.sum() == pytest.approx(1)
    assert dataset.attrs == {
        "criterion": "mean", "inertia": result.inertia, "gap": 0.0, "passes": result.passes,
    }  # fmt: skip
    assert all(column.attrs["long_name"] for column in dataset.data_vars.values())


def test_a_frame_says_which_values_a_cluster_holds():
    frame = fastkm.kmeans1d(VALUES, 3).to_frame()
    assert list(frame.columns) == COLUMNS
    assert frame.index.name == "cluster"
    labels = pd.cut(VALUES, [-INF, *frame["up_to"]], labels=False)
    expected = fastkm.kmeans1d(VALUES, 3).predict(VALUES)
    np.testing.assert_array_equal(np.nan_to_num(labels, nan=-1), expected)
    assert frame["share"].tolist() == pytest.approx([0.5, 1 / 3, 1 / 6])


def test_medians_say_so():
    result = fastkm.kmeans1d(VALUES, 2, criterion="median")
    assert result.to_dataset().attrs["criterion"] == "median"
    assert result.to_frame()["centroid"].tolist() == result.centroids.tolist()


def test_labels_select_centroids():
    raster = xr.DataArray([[1.0, 2.0], [8.0, 9.0]], dims=("y", "x"))
    result = fastkm.kmeans1d(raster, 2)
    means = result.to_dataset().centroid.sel(cluster=result.predict(raster))
    np.testing.assert_array_equal(means, [[1.5, 1.5], [8.5, 8.5]])


def test_a_dataset_of_huge_integers_has_floats():
    numbers = np.array([2**60, 2**60 + 1, 2**60 + 2**40])
    dataset = fastkm.kmeans1d(numbers, 2).to_dataset()
    assert dataset.up_to.dtype == np.float64
    assert dataset.attrs["gap"] == 0


def test_one_cluster_has_no_ends():
    frame = fastkm.kmeans1d(VALUES, 1).to_frame()
    assert frame[["above", "up_to"]].values.tolist() == [[-INF, INF]]


def test_a_raster_of_one_band_has_units(tmp_path):
    raster = xr.DataArray([[1.0, 2.0], [8.0, 9.0]], dims=("y", "x"), attrs={"units": "kg m-2"})
    result = fastkm.cluster_raster(raster, 2, standardize=True)
    dataset = result.to_dataset()
    assert list(dataset.data_vars) == COLUMNS
    assert dataset.centroid.attrs["units"] == dataset.up_to.attrs["units"] == "kg m-2"
    assert dataset.attrs == {"inertia": result.inertia, "gap": 0.0, "passes": result.passes}
    pd.testing.assert_frame_equal(result.to_frame(), result.codebook.to_frame())
    dataset.to_netcdf(tmp_path / "clusters.nc")
    xr.testing.assert_identical(xr.load_dataset(tmp_path / "clusters.nc"), dataset)


def test_several_bands_have_centroids_by_band():
    bands = xr.Dataset(
        {
            "red": (("y", "x"), [[1.0, 2.0, 8.0]], {"units": "K"}),
            "nir": (("y", "x"), [[30.0, 20.0, 5.0]]),
        }
    )
    result = fastkm.cluster_raster(bands, 2)
    dataset = result.to_dataset()
    assert dataset.centroid.dims == ("cluster", "band")
    assert dataset.units.values.tolist() == ["K", ""]
    np.testing.assert_array_equal(dataset.centroid, result.centroids)
    assert "long_name" not in result.centroids.attrs
    assert dataset.attrs == {"inertia": result.inertia, "iterations": result.iterations}
    frame = result.to_frame()
    assert list(frame.columns) == ["red", "nir", "count", "weight", "share"]
    assert frame.values.tolist() == [[1.5, 25, 2, 2, 2 / 3], [8, 5, 1, 1, 1 / 3]]
    assert frame.index.name == "cluster"


def test_scores_by_k():
    choice = fastkm.choose_k(fastkm.kmeans1d(VALUES, range(1, 5)))
    frame = choice.to_frame()
    assert frame.index.tolist() == [1, 2, 3, 4]
    assert frame["score"].dropna().to_dict() == choice.scores
    assert frame["error"].dropna().to_dict() == choice.errors
    assert frame.index[frame["chosen"]].tolist() == [choice.k]
