"""The sample has the real file's form, and the shape that the examples count on."""

from pathlib import Path

import netCDF4
import numpy as np
import pytest
from scipy.cluster.vq import kmeans, vq
from scipy.spatial.distance import pdist
from skimage.measure import find_contours

from fastkm import datasets
from fastkm.datasets import sample_dataset, write_sample

REAL = Path(__file__).parents[2] / "../shared/data/tpw_v07r01_200910_digitised.nc"
FORM = {
    "longitude": ("float32", ("longitude",), (360,), {"units", "standard_name", "axis"}),
    "latitude": ("float32", ("latitude",), (180,), {"units", "standard_name", "axis"}),
    "time": ("int32", ("time",), (1,), {"units", "standard_name", "axis"}),
    "precipitable_water": (
        "float32",
        ("time", "latitude", "longitude"),
        (1, 180, 360),
        {
            "_FillValue",
            "missing_value",
            "valid_min",
            "valid_max",
            "units",
            "long_name",
            "standard_name",
        },
    ),
}
GLOBALS = {
    "Conventions",
    "title",
    "source",
    "comment",
    "time_coverage_start",
    "time_coverage_end",
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("sample") / "made" / "sample.nc"
    write_sample(path)
    return path


@pytest.fixture(scope="module")
def values():
    return sample_dataset()["precipitable_water"].values[0]


def raw(path):
    """Everything in a file as it stands there: per variable its form, attributes and values."""
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        return {
            name: (v.dtype.name, v.dimensions, v.shape, dict(v.__dict__), v[...])
            for name, v in file.variables.items()
        }


def test_file_has_the_form_of_the_literals(written):
    found = {name: (*form, set(attrs)) for name, (*form, attrs, _) in raw(written).items()}
    assert found == FORM
    assert list(found) == list(FORM)
    with netCDF4.Dataset(written) as file:
        assert set(file.ncattrs()) == GLOBALS
        assert file.data_model == "NETCDF4"


def test_attributes_and_coordinates(written):
    variables = raw(written)
    attributes = variables["precipitable_water"][3]
    numbers = {"_FillValue": -999, "missing_value": -999, "valid_min": 0, "valid_max": 75}
    for name, number in numbers.items():
        assert attributes[name] == number
        assert attributes[name].dtype == np.float32
    assert attributes["units"] == "kg m-2"
    assert attributes["standard_name"] == "atmosphere_mass_content_of_water_vapor"
    assert variables["time"][3]["units"] == "days since 1988-01-01"
    np.testing.assert_array_equal(variables["longitude"][4], np.arange(360) + 0.5)
    np.testing.assert_array_equal(variables["latitude"][4], np.arange(180) - 89.5)
    np.testing.assert_array_equal(variables["time"][4], [7959])


def test_file_says_that_it_is_generated(written):
    with netCDF4.Dataset(written) as file:
        for name in ("title", "source", "comment"):
            assert "generated" in file.getncattr(name).lower()
        assert "not a measurement" in file.source.lower()


@pytest.mark.skipif(not REAL.exists(), reason="the real raster is not part of the project")
def test_file_has_the_form_of_the_real_one(written):
    made, real = raw(written), raw(REAL)
    assert list(made) == list(real)
    for name, (*form, attributes, numbers) in real.items():
        assert list(made[name][:3]) == form
        assert made[name][3] == attributes
        assert [type(a) for a in made[name][3].values()] == [type(a) for a in attributes.values()]
        if name != "precipitable_water":
            np.testing.assert_array_equal(made[name][4], numbers)
    with netCDF4.Dataset(written) as file, netCDF4.Dataset(REAL) as other:
        assert file.ncattrs() == other.ncattrs()
        assert file.data_model == other.data_model


@pytest.mark.skipif(not REAL.exists(), reason="the real raster is not part of the project")
def test_map_resembles_the_real_one(values):
    real = raw(REAL)["precipitable_water"][4][0]
    both = (values > 0) & (real > 0)
    assert both.sum() > 30_000
    assert np.corrcoef(values[both], real[both])[0, 1] > 0.95


def test_file_holds_the_dataset(written):
    for name, (*_, numbers) in raw(written).items():
        np.testing.assert_array_equal(numbers, sample_dataset()[name].values)


def test_file_is_small_and_the_same_each_time(written, tmp_path):
    again = tmp_path / "again.nc"
    write_sample(again)
    assert again.stat().st_size < 120_000
    assert [file.name for file in tmp_path.iterdir()] == ["again.nc"]
    first, second = raw(written), raw(again)
    for name, (*form, numbers) in first.items():
        assert form == list(second[name][:-1])
        np.testing.assert_array_equal(numbers, second[name][-1])


def test_changing_one_dataset_leaves_the_next_alone():
    spoilt = sample_dataset()
    spoilt.attrs.clear()
    spoilt["precipitable_water"].attrs.clear()
    spoilt["precipitable_water"].encoding.clear()
    spoilt["precipitable_water"].values[:] = 0
    fresh = sample_dataset()
    assert set(fresh.attrs) == GLOBALS
    assert set(fresh["precipitable_water"].attrs) == FORM["precipitable_water"][3]
    assert fresh["precipitable_water"].values.max() > 0


def test_values_are_water_land_or_ice(values):
    ocean = values[values > 0]
    assert set(np.unique(values[values <= 0])) == {np.float32(-999), np.float32(-500)}
    assert 2 <= ocean.min() < 8
    assert 50 < ocean.max() <= 70
    np.testing.assert_array_equal(ocean, np.round(ocean.astype(float), 2).astype(np.float32))


def test_values_are_pinned(values):
    # A change of any constant shows here; examples and figures are made from these numbers.
    assert np.count_nonzero(values == -999) == 21543
    assert np.count_nonzero(values == -500) == 8948
    hundredths = np.rint(values[values > 0].astype(float) * 100).astype(np.int64)
    assert hundredths.sum() == 85651592


def test_land_is_where_it_should_be(values):
    def at(latitude, longitude):
        return values[int(latitude + 90), int(longitude % 360)]

    assert (values[0] == -999).all()
    for place in [(15, 20), (60, 100), (-25, 135), (40, -100), (-10, -60), (72, -40), (9, -80)]:
        assert at(*place) == -999
    for place in [(-70, -170), (88, 0), (88, 180)]:
        assert at(*place) == -500
    for place in [(0, 0), (0, 80), (0, 180), (30, -40), (-40, 100), (50, 180), (75, 30)]:
        assert at(*place) > 0


def test_ice_lies_poleward(values):
    latitude = np.arange(180) - 89.5
    ice = latitude[(values == -500).any(axis=1)]
    assert not ((ice > -54) & (ice < 70)).any()


def test_greenwich_shows_no_seam(values):
    first, last = values[:, 0], values[:, -1]
    water = (first > 0) & (last > 0)
    assert water.sum() > 60
    assert np.abs(first - last)[water].max() < 2


def test_map_has_the_features_of_the_tropics(values):
    def mean(south, north, west, east):
        box = values[south + 90 : north + 90, west:east]
        return box[box > 0].mean()

    assert mean(5, 10, 200, 260) > mean(-8, -2, 200, 260) + 10
    assert mean(-5, 10, 130, 170) > 50
    assert mean(-25, -15, 275, 285) < 20
    assert mean(-60, -50, 0, 360) < 12


def test_moistest_of_six_clusters_spans_two_oceans(values):
    cells = values.reshape(-1, 1).astype(float)
    guess = np.array([[-999], [-500], [11], [22], [35], [50]], dtype=float)
    codebook, _ = kmeans(cells, guess, thresh=1e-9)
    np.testing.assert_allclose(codebook[:2, 0], [-999, -500])
    np.testing.assert_allclose(codebook[2:, 0], [11, 22, 35, 50], atol=1.5)

    labels = vq(cells, codebook)[0].reshape(values.shape)
    thresholded = np.select([labels == 0, labels == 5], [1.0, 2.0])
    contours = find_contours(thresholded, 1.0)
    long = [contour for contour in contours if pdist(contour).max() > 200]
    assert len(long) == 1
    columns = long[0][:, 1]
    assert columns.min() < 60
    assert 270 < columns.max() < 290


def test_the_room_exports_its_three_names_and_no_others():
    assert datasets.sample_dataset is sample_dataset
    assert set(datasets.__all__) == {"sample_dataset", "write_sample", "write_sample_archive"}
    assert set(datasets.__all__) <= set(dir(datasets))
    with pytest.raises(AttributeError, match=r"'fastkm.datasets' has no attribute 'sample_step'"):
        _ = datasets.sample_step
