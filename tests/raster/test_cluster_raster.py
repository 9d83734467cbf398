"""`cluster_raster`: stacks of every form, what is missing in them, weights, units and order."""

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

import fastkm
from fastkm import cluster_raster, kmeans1d
from fastkm.raster.grid.areas import cell_areas
from tests.from_file import from_file
from tests.small_files import EAST, NORTH

nan = np.nan


def stack(dtype=np.float64, shape=(6, 8), d=3):
    """Bands with three clear groups of columns; the first band falls from left to right."""
    rng = np.random.default_rng(1)
    groups = np.arange(shape[1]) * 3 // shape[1]
    centres = np.array([[30.0, 1, -5, 0], [20, 3, 5, 9], [10, 2, 0, 4]])[:, :d]
    values = centres[groups].T[:, None, :] + rng.normal(0, 0.1, (d, *shape))
    lat = np.linspace(50, -50, shape[0])
    coords = {
        "band": [f"b{j}" for j in range(d)],
        "lat": ("lat", lat, NORTH),
        "lon": ("lon", np.arange(shape[1]) * 10.0, EAST),
    }
    return xr.DataArray(values.astype(dtype), coords, ("band", "lat", "lon"), name="image")


def as_dataset(array):
    return array.to_dataset("band")


def naive(array, labels):
    """Means and inertia of the cells of each label, -1 left out."""
    rows = array.values.reshape(len(array), -1).T.astype(float)
    flat = labels.values.reshape(-1)
    k = flat.max() + 1
    means = np.array([rows[flat == j].mean(axis=0) for j in range(k)])
    inside = flat >= 0
    return means, float(((rows[inside] - means[flat[inside]]) ** 2).sum())


# What comes back.


def test_groups_are_found_and_described():
    bands = stack()
    result = cluster_raster(bands, 3)
    means, inertia = naive(bands, result.labels)
    np.testing.assert_allclose(result.centroids, means, rtol=1e-12)
    assert result.inertia == pytest.approx(inertia)
    assert result.k == 3
    assert result.counts.tolist() == [12, 18, 18]
    assert result.counts.dtype == np.int64
    np.testing.assert_array_equal(result.weights, result.counts)
    np.testing.assert_allclose(result.shares, result.counts / 48)
    assert result.gap is None
    assert result.iterations >= 1
    assert result.scale is None
    assert result.bands == ("b0", "b1", "b2")


def test_numbers_are_the_order_of_the_first_band():
    labels = cluster_raster(stack(), 3).labels.values
    np.testing.assert_array_equal(labels, np.tile([2, 2, 2, 1, 1, 1, 0, 0], (6, 1)))


def test_equal_first_bands_are_ordered_by_the_next():
    values = np.array([[[5.0, 5, 5, 5]], [[9, 9, 1, 1]]])
    labels = cluster_raster(xr.DataArray(values, dims=("band", "y", "x")), 2).labels
    assert labels.values.tolist() == [[1, 1, 0, 0]]


def test_labels_are_a_described_raster():
    bands = stack()
    labels = cluster_raster(bands, 3).labels
    assert labels.dims == ("lat", "lon")
    assert labels.dtype == np.int8
    assert labels.name == "cluster"
    xr.testing.assert_identical(labels.lat, bands.lat)
    assert "band" not in labels.coords
    assert labels.attrs["flag_values"].tolist() == [0, 1, 2]
    assert len(labels.attrs["flag_meanings"].split()) == 3
    assert labels.attrs["bands"] == "b0, b1, b2"
    assert labels.attrs["centroids_b0"].shape == (3,)
    assert "b1" in labels.attrs["long_name"]


def test_labels_can_be_written(tmp_path):
    labels = cluster_raster(stack(), 3, standardize=True).labels
    labels.to_netcdf(tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc") as read:
        np.testing.assert_array_equal(read.cluster, labels)


def test_reference_system_is_carried_over():
    bands = stack().assign_coords(spatial_ref=xr.DataArray(0, attrs={"crs_wkt": "EPSG:32633"}))
    labels = cluster_raster(bands, 2).labels
    assert labels.spatial_ref.attrs["crs_wkt"] == "EPSG:32633"
    assert labels.encoding["grid_mapping"] == "spatial_ref"


def test_reference_system_of_a_dataset_is_carried_over():
    data = as_dataset(stack())
    data["crs"] = xr.DataArray(0, attrs={"grid_mapping_name": "latitude_longitude"})
    data["b0"].attrs["grid_mapping"] = "crs"
    labels = cluster_raster(data, 2).labels
    assert labels.crs.attrs["grid_mapping_name"] == "latitude_longitude"
    assert labels.encoding["grid_mapping"] == "crs"


def test_several_k_are_a_dictionary():
    results = cluster_raster(stack(), range(2, 5))
    assert list(results) == [2, 3, 4]
    inertia = [result.inertia for result in results.values()]
    assert inertia == sorted(inertia, reverse=True)
    alone = cluster_raster(stack(), 3)
    np.testing.assert_array_equal(results[3].labels, alone.labels)


def test_the_same_data_gives_the_same_labels():
    noise = xr.DataArray(np.random.default_rng(0).random((2, 9, 9)), dims=("band", "y", "x"))
    first = cluster_raster(noise, 5)
    for threads in (1, 2):
        again = cluster_raster(noise, 5, threads=threads)
        np.testing.assert_array_equal(again.labels, first.labels)
        np.testing.assert_array_equal(again.centroids, first.centroids)


def test_options_reach_the_engine():
    bands = stack(d=2)
    start = np.array([[30.0, 1], [20, 3], [10, 2]])
    result = cluster_raster(bands, 3, init=start, n_init=1, max_iter=50, tol=0)
    assert result.counts.tolist() == [12, 18, 18]
    scaled = cluster_raster(bands, 3, init=start, standardize=True)
    np.testing.assert_array_equal(scaled.labels, result.labels)
    state = cluster_raster(bands, 3, random_state=np.random.RandomState(3), init="random")
    assert state.k == 3
    with pytest.raises(ValueError, match=r"init must have shape \(k, bands\), \(3, 2\), got"):
        cluster_raster(bands, 3, init=start.T)


# Forms of stacks.


@pytest.mark.parametrize("dtype", ["f4", "f8", ">f4", "i2", "u1", "f2"])
@pytest.mark.parametrize("standardize", [False, True])
def test_dataset_and_array_give_the_same(dtype, standardize):
    bands = (stack() + 20).astype(dtype)
    bands = bands.where(bands > 15.5, 15).astype(dtype)
    one = cluster_raster(bands, 3, standardize=standardize)
    other = cluster_raster(as_dataset(bands), 3, standardize=standardize)
    np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_allclose(one.centroids, other.centroids, rtol=1e-6)
    assert other.bands == ("b0", "b1", "b2")


def test_layout_does_not_matter():
    bands = stack()
    expected = cluster_raster(bands, 3)
    for dims in (("lat", "lon", "band"), ("lon", "band", "lat")):
        moved = bands.transpose(*dims)
        for array in (moved, moved.copy(data=np.ascontiguousarray(moved.values))):
            found = cluster_raster(array, 3)
            assert found.labels.dims == ("lat", "lon")
            np.testing.assert_array_equal(found.labels, expected.labels)


def test_time_can_be_the_bands():
    months = np.array(["2009-01-15", "2009-02-15", "2009-03-15"], "M8[ns]")
    bands = stack().rename(band="time").assign_coords(time=months)
    result = cluster_raster(bands, 3)
    assert result.bands == ("2009-01-15", "2009-02-15", "2009-03-15")
    np.testing.assert_array_equal(result.labels, cluster_raster(stack(), 3).labels)
    assert "time" not in result.labels.coords


def test_dask_is_computed():
    bands = stack()
    lazy = cluster_raster(bands.chunk({"band": 1, "lat": 2}), 3)
    np.testing.assert_array_equal(lazy.labels, cluster_raster(bands, 3).labels)
    assert isinstance(lazy.labels.data, np.ndarray)


def test_float32_is_neither_copied_nor_widened(monkeypatch):
    from fastkm.raster import cluster_raster as cluster_raster_module

    seen = []
    run = cluster_raster_module.fit_rows

    def spy(rows, *args, **options):
        seen.append(rows)
        return run(rows, *args, **options)

    monkeypatch.setattr(cluster_raster_module, "fit_rows", spy)
    bands = stack(np.float32)
    cluster_raster(bands, 2)
    assert seen[-1].dtype == np.float32
    assert np.shares_memory(seen[-1], bands.values)
    assert seen[-1].flags.f_contiguous
    cluster_raster(as_dataset(bands), 2)
    assert seen[-1].dtype == np.float32
    mixed = as_dataset(bands)
    mixed["b1"] = mixed["b1"].astype(np.float64)
    cluster_raster(mixed, 2)
    assert seen[-1].dtype == np.float64


def test_input_is_left_as_it_was():
    bands = stack(np.float32)
    before = bands.copy(deep=True)
    cluster_raster(bands, 2, standardize=True)
    xr.testing.assert_identical(bands, before)


# One band.


def test_one_band_is_the_proven_optimum():
    band = stack().isel(band=0)
    expected = kmeans1d(band, 3)
    for raster in (band, band.expand_dims("band"), band.to_dataset(name="water")):
        result = cluster_raster(raster, 3)
        assert result.gap == 0
        assert result.inertia == expected.inertia
        assert result.iterations is None
        np.testing.assert_array_equal(result.centroids.values[:, 0], expected.centroids)
        np.testing.assert_array_equal(result.labels, expected.predict(band))
        np.testing.assert_array_equal(result.counts, expected.counts)
        assert result.labels.attrs["breaks"].tolist() == expected.breaks.tolist()


def test_one_standardised_band_keeps_its_clusters():
    band = stack().isel(band=0)
    plain, scaled = cluster_raster(band, 3), cluster_raster(band, 3, standardize=True)
    np.testing.assert_array_equal(plain.labels, scaled.labels)
    np.testing.assert_array_equal(plain.centroids, scaled.centroids)
    assert float(scaled.scale[0]) == pytest.approx(float(band.std()))
    assert scaled.inertia == pytest.approx(plain.inertia / float(band.var()))
    assert scaled.gap == 0


def test_one_band_of_several_k():
    results = cluster_raster(stack().isel(band=0), [2, 3])
    assert list(results) == [2, 3]
    assert fastkm.choose_k(results).k == 3


# Missing cells.


def test_cells_missing_in_any_band_are_left_out():
    bands = stack()
    bands[1, 0, 0] = nan
    bands[2, 3, 4] = nan
    result = cluster_raster(bands, 3)
    labels = result.labels.values
    assert np.argwhere(labels == -1).tolist() == [[0, 0], [3, 4]]
    assert result.counts.sum() == 46
    means, inertia = naive(bands, result.labels)
    np.testing.assert_allclose(result.centroids, means)
    assert result.inertia == pytest.approx(inertia)
    other = cluster_raster(as_dataset(bands), 3)
    np.testing.assert_array_equal(other.labels, labels)


def test_float32_with_missing_cells_stays_float32():
    bands = stack(np.float32)
    bands[1, 0, 0] = nan
    result = cluster_raster(bands, 3)
    assert result.labels.values[0, 0] == -1


def test_sea_ice_is_not_water():
    data = as_dataset(stack())
    data["b1"][0, :] = -500.0
    data["b1"] = from_file(data["b1"], valid_min=0.0)
    result = cluster_raster(data, 3)
    assert (result.labels.values[0] == -1).all()
    assert (result.centroids.sel(band="b1") > 0).all()


def test_packed_integers_are_unpacked_band_by_band():
    data = as_dataset(stack())
    packed = data.copy()
    packed["b0"] = (data["b0"] * 1000).round().astype(np.int16)
    rules = {"scale_factor": 1e-3, "_FillValue": np.int16(-9), "units": "K"}
    packed["b0"] = from_file(packed["b0"], **rules)
    packed["b0"][2, 2] = -9
    result = cluster_raster(packed, 3)
    assert result.labels.values[2, 2] == -1
    assert result.counts.sum() == 47
    np.testing.assert_allclose(result.centroids.sel(band="b0"), [10, 20, 30], atol=0.1)
    assert result.centroids["units"].values.tolist() == ["K", "", ""]


def test_packed_stack_of_one_array():
    bands = stack()
    packed = (bands * 100).round().astype(np.int16)
    packed = from_file(packed, scale_factor=0.01, add_offset=0.0, _FillValue=np.int16(-32000))
    packed[0, 5, 7] = -32000
    result = cluster_raster(packed, 3)
    assert result.labels.values[5, 7] == -1
    np.testing.assert_allclose(result.centroids.sel(band="b0"), [10, 20, 30], atol=0.1)


def test_neutral_packing_costs_nothing():
    bands = stack(np.float32)
    bands.attrs = {"scale_factor": 1.0, "add_offset": 0.0}
    from fastkm.raster.bands import as_band_stack, gather_rows

    assert np.shares_memory(gather_rows(as_band_stack(bands)).rows, bands.values)


def test_bounds_and_scalars_of_a_dataset_are_no_bands():
    data = as_dataset(stack())
    data["lat"].attrs["bounds"] = "lat_bnds"
    data["lat_bnds"] = ("lat", "nv"), np.zeros((6, 2))
    data["version"] = 3
    assert cluster_raster(data, 2).bands == ("b0", "b1", "b2")


# Standardising.


def test_standardised_centroids_are_in_the_units_of_the_bands():
    bands = stack()
    bands[1] *= 1000
    result = cluster_raster(bands, 3, standardize=True)
    means, _ = naive(bands, result.labels)
    np.testing.assert_allclose(result.centroids, means, rtol=1e-9)
    deviations = bands.std(["lat", "lon"])
    np.testing.assert_allclose(result.scale, deviations, rtol=1e-12)
    whitened = (bands.values / deviations.values[:, None, None]).reshape(3, -1).T
    own = means / deviations.values
    expected = ((whitened - own[result.labels.values.reshape(-1)]) ** 2).sum()
    assert result.inertia == pytest.approx(expected)


def test_deviations_are_whitens_and_leave_missing_cells_out():
    bands = stack()
    bands[0, 0, 0] = nan
    result = cluster_raster(bands, 3, standardize=True)
    rows = bands.values.reshape(3, -1).T[1:]
    np.testing.assert_allclose(rows / result.scale.values, fastkm.whiten(rows), rtol=1e-12)


def test_units_matter_unless_bands_are_standardised():
    rng = np.random.default_rng(0)
    small = np.where(np.arange(10) < 5, 0.0, 1.0) + rng.normal(0, 0.01, (4, 10))
    large = rng.uniform(0, 1000, (4, 10))
    data = xr.DataArray(np.stack([small, large]), dims=("band", "y", "x"))
    scaled = cluster_raster(data, 2, standardize=True, n_init=10)
    plain = cluster_raster(data, 2, n_init=10)
    assert (scaled.centroids[0] < scaled.centroids[1])[0]
    assert not np.array_equal(scaled.labels, plain.labels)


def test_constant_band_stays_and_warns():
    bands = stack()
    bands[1] = 0.1
    with pytest.warns(RuntimeWarning, match="deviation zero are not standardised: 'b1'"):
        result = cluster_raster(bands, 3, standardize=True)
    assert float(result.scale[1]) == 1
    np.testing.assert_allclose(result.centroids.sel(band="b1"), 0.1)


# Weights.


def test_areas_matter():
    lat = np.array([-80.0, -40, 0, 40, 80])
    coords = {"lat": ("lat", lat, NORTH), "lon": ("lon", [0.0, 90, 180, 270], EAST)}
    base = np.repeat(np.abs(lat)[:, None], 4, axis=1)
    data = xr.DataArray(
        np.stack([base, base**2]), coords | {"band": ["a", "b"]}, ("band", "lat", "lon")
    )
    plain, weighted = cluster_raster(data, 2), cluster_raster(data, 2, weights="area")
    areas = cell_areas(data).values
    for j in range(2):
        own = weighted.labels.values == j
        np.testing.assert_allclose(weighted.weights[j], areas[own].sum())
        np.testing.assert_allclose(
            weighted.centroids[j],
            [np.average(band[own], weights=areas[own]) for band in data.values],
        )
    assert weighted.weights.sum() == pytest.approx(510065621.7e6, rel=1e-9)
    assert not np.allclose(plain.centroids, weighted.centroids)
    assert weighted.counts.sum() == 20


def test_areas_of_one_band_and_of_a_dataset_with_bounds():
    data = as_dataset(stack())
    data["lat"].attrs["bounds"] = "lat_bnds"
    limits = np.column_stack([data.lat - 1, data.lat + 1])
    limits[0] = [40, 80]
    data["lat_bnds"] = ("lat", "nv"), limits
    result = cluster_raster(data, 3, weights="area")
    assert result.weights.sum() == pytest.approx(float(cell_areas(data).sum()))
    band = data[["b0", "lat_bnds"]]
    one = cluster_raster(band, 3, weights="area")
    assert one.weights.sum() == pytest.approx(result.weights.sum())


def test_weights_are_laid_over_rows_and_columns():
    bands = stack()
    by_row = xr.DataArray(np.arange(6.0), dims="lat")
    named = cluster_raster(bands, 3, weights=by_row)
    plain = cluster_raster(bands, 3, weights=np.arange(6.0)[:, None])
    np.testing.assert_array_equal(named.labels, plain.labels)
    assert named.weights.sum() == 8 * 15
    assert named.counts.sum() == 48
    turned = xr.DataArray(np.ones((8, 6)), dims=("lon", "lat"))
    assert cluster_raster(bands, 3, weights=turned).weights.sum() == 48


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ("volume", ValueError, "must be 'area' or an array, got 'volume'"),
        (np.ones(3), ValueError, r"broadcast to the shape of values, \(6, 8\)"),
        (np.full((6, 8), -1.0), ValueError, "finite and not negative, got -1"),
        (np.full((6, 8), nan), ValueError, "finite and not negative, got nan"),
        (np.zeros((6, 8)), ValueError, "above 0 somewhere"),
    ],
)
def test_wrong_weights_are_refused(weights, error, message):
    with pytest.raises(error, match=message):
        cluster_raster(stack(), 2, weights=weights)


def test_areas_without_degrees_are_refused():
    bands = stack().drop_vars(["lat", "lon"]).rename(lat="y", lon="x")
    with pytest.raises(ValueError, match="need latitudes and longitudes"):
        cluster_raster(bands, 2, weights="area")


# What is refused.


@pytest.mark.parametrize("raster", [np.zeros((3, 4, 5)), [[1.0, 2.0]], np.ma.zeros((2, 2)), None])
def test_arrays_without_names_are_refused(raster):
    with pytest.raises(
        TypeError, match=r"raster must be an xarray DataArray or Dataset, got .*wrap"
    ):
        cluster_raster(raster, 2)


def test_the_advice_for_plain_arrays_has_as_many_dimensions():
    predict = cluster_raster(stack()[0], 2).predict
    for function in (lambda array: cluster_raster(array, 2), predict):
        for shape, dims in (((3, 4), r"\('y', 'x'\)"), ((2, 3, 4), r"\('band', 'y', 'x'\)")):
            with pytest.raises(TypeError, match=rf"got ndarray: .*dims={dims}\)"):
                function(np.zeros(shape))


def test_a_path_is_no_raster():
    with pytest.raises(TypeError, match=r"read the file first: fastkm.read_raster\('a.nc'\)"):
        cluster_raster("a.nc", 2)


@pytest.mark.parametrize("k", [0, -1, [2, 0]])
def test_k_below_one_is_refused(k):
    with pytest.raises(ValueError, match="k must be at least 1"):
        cluster_raster(stack(), k)


@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"n_init": 0}, "n_init must be 'auto' or an integer of at least 1, got 0"),
        ({"max_iter": 2.5}, "max_iter must be an integer of at least 1, got 2.5"),
        ({"tol": -1}, "tol must be a number of at least 0, got -1"),
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(bands, option, message):
    with pytest.raises(ValueError, match=message):
        cluster_raster(stack()[:bands], 2, **option)


def test_k_that_is_no_number_is_refused():
    with pytest.raises(TypeError, match="k must be an integer"):
        cluster_raster(stack(), 2.5)


def test_all_missing_is_a_cluster_error():
    bands = stack()
    bands[0, :3], bands[1, 3:] = nan, nan
    with pytest.raises(fastkm.ClusterError, match="0 of 0: all cells are missing in one band or"):
        cluster_raster(bands, 2)
    with pytest.raises(fastkm.ClusterError, match="all cells are missing"):
        cluster_raster(bands[0] * nan, 2)


def test_infinity_is_refused_by_band():
    bands = stack()
    bands[1, 2, 3] = np.inf
    with pytest.raises(ValueError, match="got infinity in 1 cells of band 'b1'"):
        cluster_raster(bands, 2)
    bands[0, 2, 3] = nan  # of no use: the band itself does not say that it is missing
    with pytest.raises(ValueError, match="band 'b1'"):
        cluster_raster(as_dataset(bands), 2)


def test_infinite_fill_values_are_missing():
    data = as_dataset(stack())
    data["b1"][0, 0] = np.inf
    data["b1"] = from_file(data["b1"], _FillValue=np.inf)
    assert cluster_raster(data, 2).labels.values[0, 0] == -1


def few():
    values = np.tile([1.0, 2, 3], (3, 1))
    return xr.DataArray(np.stack([values, values]), dims=("band", "y", "x"))


def test_more_clusters_than_distinct_cells_are_a_cluster_error():
    with pytest.raises(fastkm.ClusterError, match=r"k = 4 asks for more .* 3 of 9"):
        cluster_raster(few(), 4)
    with pytest.raises(fastkm.ClusterError, match="k = 10"):
        cluster_raster(few(), 10)


def test_of_several_k_impossible_ones_are_left_out():
    with pytest.warns(UserWarning, match="only 3 distinct cells: k = 4, 5 is left out"):
        results = cluster_raster(few(), range(2, 6))
    assert list(results) == [2, 3]
    assert results[3].inertia == pytest.approx(0)


def test_cells_of_no_weight_are_no_distinct_cells():
    weights = np.ones((3, 3))
    weights[:, 2] = 0
    with pytest.raises(fastkm.ClusterError, match="k = 3"):
        cluster_raster(few(), 3, weights=weights)


def test_distinct_cells_are_counted_beyond_the_first_chunk(monkeypatch):
    from fastkm.raster import cluster_options

    monkeypatch.setattr(cluster_options, "DISTINCT_CHUNK", 2)
    assert cluster_raster(few(), 3).counts.tolist() == [3, 3, 3]


def test_variables_on_several_grids_are_refused():
    data = as_dataset(stack())
    data["other"] = ("row", "column"), np.zeros((2, 2))
    with pytest.raises(ValueError, match=r"must share rows and columns, got 'b0' on .*'other'"):
        cluster_raster(data, 2)


def test_variables_with_bands_are_refused():
    data = stack().to_dataset(name="image")
    data["more"] = data.image[0]
    with pytest.raises(ValueError, match="rows and columns only, got 'image' with 'band' of 3"):
        cluster_raster(data, 2)


def test_what_holds_no_raster_is_refused():
    with pytest.raises(ValueError, match="variables with rows and columns, got none"):
        cluster_raster(xr.Dataset({"a": ("t", [1.0])}), 2)
    with pytest.raises(ValueError, match="not a raster"):
        cluster_raster(xr.DataArray([1.0, 2.0], dims="t"), 2)
    with pytest.raises(ValueError, match="raster must have cells"):
        cluster_raster(xr.DataArray(np.zeros((2, 0, 3)), dims=("band", "y", "x")), 2)
    with pytest.raises(ValueError, match="'time' of 2 and 'level' of 3"):
        cluster_raster(xr.DataArray(np.zeros((2, 3, 4, 4)), dims=("time", "level", "y", "x")), 2)


# Independence.


def test_scikit_learn_is_not_needed():
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['sklearn']))\n"
        "import numpy as np, xarray as xr, fastkm\n"
        "bands = xr.DataArray(np.arange(24.0).reshape(2, 3, 4), dims=('band', 'y', 'x'))\n"
        "results = fastkm.cluster_raster(bands, [2, 3], standardize=True)\n"
        "fastkm.choose_k(results)\n"
        "assert not [name for name in sys.modules if name.startswith('sklearn.')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
