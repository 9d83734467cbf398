import datetime as dt
import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from fastkm.vector.formats.fields import FORMATS, SHAPEFILE_NAMES, prepare_fields
from fastkm.vector.write import write_outlines

EXTENSIONS = list(FORMATS)
GDAL = EXTENSIONS[:-1]
each_format = pytest.mark.parametrize("extension", EXTENSIONS)
few_files = settings(max_examples=12)  # of many values each
each_gdal_format = pytest.mark.parametrize("extension", GDAL)


def frame(**columns):
    rows = len(next(iter(columns.values())))
    columns = {n: c.array if isinstance(c, pd.Series) else c for n, c in columns.items()}
    shapes = [shapely.box(i, 0, i + 1, 1) for i in range(rows)]
    return gpd.GeoDataFrame(
        {"row": np.arange(rows), **columns}, geometry=shapes, crs=4326, index=range(5, rows + 5)
    )


def through(values, path, name="c"):
    """Write a column and read it back."""
    write_outlines(frame(**{name: values}), path)
    if path.suffix == ".parquet":
        return gpd.read_parquet(path)[name]
    found = gpd.read_file(path, engine="pyogrio").sort_values("row", ignore_index=True)
    return found[name]


def refused(values, extension, why, name="c"):
    with pytest.raises(ValueError, match=rf"column '{name}' cannot be written to .*: {why}"):
        prepare_fields(frame(**{name: values}), extension)


def assert_same(found, expected):
    """Equal values, whatever reading made of their type; missing is missing."""
    expected = pd.Series(expected)
    assert found.isna().tolist() == expected.isna().tolist()
    assert found.dropna().tolist() == expected.dropna().tolist()


# what is kept


@each_format
@pytest.mark.parametrize(
    "values",
    [
        np.array([1, -5, 2**53 - 1]),
        np.array([-128, 127], np.int8),
        np.array([0, 255], np.uint8),
        np.array([-(2**15), 5], np.int16),
        np.array([2**16 - 1, 5], np.uint16),
        np.array([-(2**31), 2**31 - 1], np.int32),
        np.array([0, 2**32 - 1], np.uint32),
        np.array([0, 2**53 - 1], np.uint64),
        np.array([True, False, True]),
        np.array([0.5, np.nan, -2.25]),
        np.array([np.nan, np.nan]),
        np.array([0.0, -0.0, 5e-8, 9e22]),
        np.array([0.1, 1.5, 65504.0], np.float16),
        ["a", None, "Île 海 😀"],
        [None, None],
        ["001", "2e5", "a\nb"],
        ["a" * 254, "é" * 127],
        np.array(["a", "b"], object),
        np.array([1, 2, 3], object),
        np.array([1.5, None], object),
        pd.Categorical(["a", "b", "a", None]),
        pd.Categorical([3, 4, 3]),
        pd.array([1, None, 2**53 - 1], "Int64"),
        pd.array([1.5, None], "Float64"),
        pd.array([True, None, False], "boolean"),
        pd.array(["a", None], "string"),
        pd.array([1, None], "int64[pyarrow]"),
        pd.array([1.5, None], "double[pyarrow]"),
        pd.array([True, None], "bool[pyarrow]"),
        pd.array(["a", None], "string[pyarrow]"),
    ],
    ids=lambda values: f"{getattr(values, 'dtype', 'list')}",
)
def test_numbers_and_text_come_back(tmp_path, extension, values):
    found = through(values, tmp_path / f"a{extension}")
    if getattr(values, "dtype", None) == np.float16:
        found = found.astype(np.float16)
    if found.dtype.kind == "f" and extension == ".shp":
        np.testing.assert_allclose(found, np.asarray(values, float), rtol=1e-8)
    else:
        assert_same(found, values)


@each_format
@few_files
@given(data=st.data())
def test_float32_comes_back_to_the_bit(tmp_path_factory, extension, data):
    sizes = st.floats(2**-24, 2**76, width=32) if extension == ".shp" else st.floats(
        width=32, allow_infinity=extension != ".geojson"
    )  # fmt: skip
    values = np.array(data.draw(st.lists(sizes, min_size=1, max_size=40)), np.float32)
    found = through(values, tmp_path_factory.mktemp("f") / f"a{extension}")
    np.testing.assert_array_equal(found.to_numpy(np.float32), values)


@pytest.mark.parametrize("extension", EXTENSIONS[1:])
@few_files
@given(values=st.lists(st.floats(allow_infinity=False), min_size=1, max_size=40))
def test_float64_comes_back_to_the_bit(tmp_path_factory, extension, values):
    found = through(np.array(values), tmp_path_factory.mktemp("f") / f"a{extension}")
    np.testing.assert_array_equal(found.to_numpy(float), values)


@few_files
@given(
    values=st.lists(
        st.floats(5e-8, 9.9e22) | st.floats(-9.9e22, -5e-8) | st.just(0.0), min_size=1, max_size=40
    )
)
def test_floats_of_a_shapefile_keep_eight_digits(tmp_path_factory, values):
    found = through(np.array(values), tmp_path_factory.mktemp("f") / "a.shp")
    np.testing.assert_allclose(found, values, rtol=1.01e-8, atol=0)


@each_gdal_format
@few_files
@given(data=st.data())
def test_integers_within_the_limits_come_back(tmp_path_factory, extension, data):
    low, high = {
        ".shp": (1 - 10**17, 10**18 - 1), ".geojson": (1 - 2**53, 2**53 - 1)
    }.get(extension, (-(2**63), 2**63 - 1))  # fmt: skip
    numbers = st.integers(low, high) | st.sampled_from([low, high])
    values = data.draw(st.lists(numbers, min_size=1, max_size=40))
    found = through(np.array(values, np.int64), tmp_path_factory.mktemp("i") / f"a{extension}")
    assert found.tolist() == values
    assert found.dtype.kind == "i"


@each_format
@few_files
@given(
    values=st.lists(
        st.none()
        | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40),
        min_size=1,
        max_size=40,
    )
)  # fmt: skip
def test_any_text_comes_back(tmp_path_factory, extension, values):
    if extension == ".shp":  # which keeps no blanks at either end
        values = [text.strip() if text else text for text in values]
    found = through(values, tmp_path_factory.mktemp("t") / f"a{extension}")
    if extension == ".shp":
        values = [text or None for text in values]
    if found.dtype.kind in "OT" or found.dtype == "str":  # readers of GeoJSON see dates in text
        assert_same(found.map(str, na_action="ignore"), values)


# times


@pytest.mark.parametrize("extension", EXTENSIONS[1:])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_come_back(tmp_path, extension, unit):
    times = np.array(["2020-01-01", "NaT", "1900-02-03T04:05:06"], f"M8[{unit}]")
    assert_same(through(times, tmp_path / f"a{extension}", "time"), times)


@pytest.mark.parametrize("extension", EXTENSIONS[1:])
def test_times_of_a_zone_keep_the_instant(tmp_path, extension):
    times = pd.to_datetime(["2020-01-01", "2020-07-02", "1900-01-01"]).tz_localize("Europe/Paris")
    found = through(times, tmp_path / f"a{extension}", "time")
    assert (found.to_numpy("M8[ms]") == times.tz_convert("UTC").to_numpy("M8[ms]")).all()
    assert found.dt.tz is not None


def test_milliseconds_come_back(tmp_path):
    times = np.array(["2020-01-01T01:02:03.456"], "M8[ns]")
    for extension in EXTENSIONS[1:]:
        assert_same(through(times, tmp_path / f"a{extension}"), times)


def test_a_shapefile_has_no_times():
    refused(np.array(["2020-01-01"], "M8[s]"), ".shp", "it has dates without a time", name="time")


# what is refused


@each_gdal_format
@pytest.mark.parametrize(
    "values",
    [
        np.array([1j, 2]),
        pd.Series([[1, 2], [3]]),
        pd.Series([{"a": 1}, {}]),
        pd.Series([b"a", b"b"]),
        pd.Series([1, "a"], dtype=object),
        pd.Series([dt.date(2020, 1, 1)] * 2, dtype=object),
        pd.Series([dt.time(1)] * 2, dtype=object),
        pd.arrays.SparseArray([0, 1]),
        np.array([1, 2], np.longdouble),
    ],
    ids=["complex", "lists", "dicts", "bytes", "mixed", "dates", "hours", "sparse", "longdouble"],
)
def test_types_that_gdal_lacks_are_refused(extension, values):
    if values.dtype == np.float64:
        pytest.skip("long double is double here")
    refused(values, extension, "it has no type for")


@pytest.mark.parametrize(
    "values",
    [
        pd.to_timedelta([1, 2], unit="h"),
        pd.period_range("2020", periods=2, freq="M"),
        pd.arrays.IntervalArray.from_breaks([0, 1, 2]),
        gpd.GeoSeries([shapely.Point(0, 0)] * 2, crs=4326),
    ],
    ids=["timedelta", "period", "interval", "geometry"],
)
def test_types_that_only_parquet_has(tmp_path, values):
    for extension in GDAL:
        refused(
            np.asarray(values) if values.dtype.kind == "m" else values, extension, "it has no type"
        )
    assert through(values, tmp_path / "a.parquet").tolist() == list(values)


@pytest.mark.parametrize("extension", [".shp", ".geojson"])
def test_infinity_is_refused(tmp_path, extension):
    refused(np.array([1, np.inf]), extension, "it has no infinities")
    refused(np.array([-np.inf], np.float32), extension, "it has no infinities")


@pytest.mark.parametrize("extension", [".gpkg", ".fgb", ".parquet"])
def test_infinity_comes_back(tmp_path, extension):
    values = np.array([np.inf, -np.inf, np.nan, 1.0])
    assert_same(through(values, tmp_path / f"a{extension}"), values)


@pytest.mark.parametrize("value", [1e-8, -4.9e-8, 5e-324, 1e23, -1e300])
def test_floats_that_a_shapefile_would_spoil_are_refused(value):
    refused(np.array([1.0, value]), ".shp", "its floats have 15 decimals and 24 characters")


def test_uint64_comes_back_from_parquet(tmp_path):
    values = np.array([2**64 - 1, 0], np.uint64)
    assert_same(through(values, tmp_path / "a.parquet"), values)


# names


def test_fastkm_names_have_short_ones():
    assert all(len(short) <= 10 < len(name) for name, short in SHAPEFILE_NAMES.items())
    columns = dict.fromkeys(SHAPEFILE_NAMES, np.zeros(1))
    found = prepare_fields(frame(**columns), ".shp")
    assert list(found.columns) == ["row", *SHAPEFILE_NAMES.values(), "geometry"]
    for extension in EXTENSIONS[1:]:
        found = prepare_fields(frame(**columns), extension)
        assert list(found.columns) == ["row", *SHAPEFILE_NAMES, "geometry"]


@pytest.mark.parametrize("name", ["temperature", "température", "élévations", "海海海海"])
def test_field_name_too_long_for_a_shapefile_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match=rf"at most 10 characters .*, got \['{name}'\]"):
        prepare_fields(frame(**{name: [1]}), ".shp")
    assert through([1], tmp_path / "a.gpkg", name).tolist() == [1]


@each_gdal_format
@pytest.mark.parametrize("name", ["id", "fid_", "a b", "a.b", "ogc_fid", "type", "q'x", "ñ" * 5])
def test_odd_names_come_back(tmp_path, extension, name):
    assert through([7, 8], tmp_path / f"a{extension}", name).tolist() == [7, 8]


@each_format
def test_two_columns_of_one_name_are_refused(extension):
    twice = pd.concat([frame(a=[1]), frame(a=[2])[["a"]]], axis=1)
    with pytest.raises(
        ValueError, match=r"names of columns must differ in .*, got \['row', 'a', 'a'\]"
    ):
        prepare_fields(gpd.GeoDataFrame(twice, geometry="geometry"), extension)


@pytest.mark.parametrize("extension", [".shp", ".gpkg"])
def test_names_that_differ_by_case_are_refused(extension):
    with pytest.raises(ValueError, match=r"names of columns must differ in .*'Mean', 'mean'"):
        prepare_fields(frame(Mean=[1], mean=[2]), extension)


def test_two_columns_with_one_short_name_are_refused():
    both = frame(diam_px=[1], diameter_px=[2])
    with pytest.raises(ValueError, match=r"must differ in a shapefile, .*'diam_px', 'diam_px'"):
        prepare_fields(both, ".shp")
    assert list(prepare_fields(both, ".gpkg").columns[1:3]) == ["diam_px", "diameter_px"]


@pytest.mark.parametrize("name", ["fid", "FID", "geom"])
def test_names_that_a_geopackage_keeps_for_itself_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match=f"a column {name.lower()!r} of its own"):
        write_outlines(frame(**{name: [1]}), tmp_path / "a.gpkg")
    assert not list(tmp_path.iterdir())


@each_gdal_format
def test_column_called_geometry_that_is_none_is_refused(extension):
    odd = frame(a=[1]).rename_geometry("shape").assign(geometry=["no"])
    with pytest.raises(ValueError, match="geometry"):
        prepare_fields(odd, extension)


@each_format
def test_names_that_are_no_text_are_refused(extension):
    odd = frame(a=[1]).rename(columns={"a": 5})
    with pytest.raises(ValueError, match=r"names of columns must be text, got .*5"):
        prepare_fields(odd, extension)


@each_format
def test_nothing_of_the_frame_changes(extension):
    given_frame = frame(a=np.array([1.0, 2.0], np.float16), diameter_px=[1.0, 2.0])
    before = given_frame.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepared = prepare_fields(given_frame, extension)
    assert prepared.index.tolist() == [0, 1]
    pd.testing.assert_frame_equal(given_frame, before)


# values that a format would spoil


@pytest.mark.parametrize(
    ("extension", "value"),
    [(".shp", 10**18), (".shp", -(10**17)), (".geojson", 2**53), (".gpkg", 2**63), (".fgb", 2**63)],
)
def test_integers_beyond_a_format_are_refused(extension, value):
    dtype = np.uint64 if value > 2**63 - 1 else np.int64
    refused(np.array([1, value], dtype), extension, "its integers go from")
    refused(pd.array([value, None], pd.Series([1], dtype=dtype).convert_dtypes().dtype), extension,
            "its integers go from")  # fmt: skip


@pytest.mark.parametrize("text", ["a" * 255, "é" * 128])
def test_text_too_long_for_a_shapefile_is_refused(tmp_path, text):
    refused(["a", text], ".shp", "its texts have at most 254 bytes")
    assert through(["a", text], tmp_path / "a.gpkg").tolist() == ["a", text]


@each_gdal_format
def test_text_that_would_end_early_is_refused(extension):
    refused(["a", "b\0c"], extension, "its texts have no NUL")


@pytest.mark.parametrize("extension", [".gpkg", ".geojson", ".fgb"])
def test_times_finer_than_milliseconds_are_cut_with_a_warning(tmp_path, extension):
    times = np.array(["2020-01-01T01:02:03.456789", "NaT"], "M8[us]")
    with pytest.warns(UserWarning, match="times of column 'c' are cut to milliseconds"):
        found = through(times, tmp_path / f"a{extension}")
    assert_same(found, times.astype("M8[ms]"))


@pytest.mark.parametrize("year", ["-0500", "20000"])
def test_years_that_no_format_has_are_refused(year):
    refused(np.array([f"{year}-01-01"], "M8[s]"), ".gpkg", "its years go from 1 to 9999")
