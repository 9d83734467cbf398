"""Codebooks of several bands as files."""

import json

import numpy as np
import pytest
import xarray as xr

import fastkm
from fastkm.raster.codebook import BandsCodebook, differ, load_codebook


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.json"
    codes = np.array([[0.1, 2 / 3], [1e-300, 5]])
    BandsCodebook(("red", "nir"), ("K", ""), codes, np.array([0.3, 7.0])).save(path)
    return path


def change(path, **entries):
    stored = json.loads(path.read_text())
    stored.update(entries)
    path.write_text(json.dumps({name: v for name, v in stored.items() if v is not None}))


def test_files_give_back_every_bit(file):
    loaded = load_codebook(file)
    assert loaded.codes.tolist() == [[0.1, 2 / 3], [1e-300, 5]]
    assert loaded.scale.tolist() == [0.3, 7.0]
    assert loaded.names == ("red", "nir")
    assert loaded.units == ("K", "")
    assert repr(loaded) == "BandsCodebook: 2 clusters of 2 bands (red, nir)"


def test_a_dictionary_holds_what_the_file_holds(file):
    stored = json.loads(file.read_text())
    assert load_codebook(file).to_dict() == stored
    assert BandsCodebook.from_dict(stored).to_dict() == stored


def test_files_say_what_they_are(file):
    stored = json.loads(file.read_text())
    assert stored["format"] == "fastkm codebook of bands"
    np.testing.assert_allclose(stored["centroids"], [[0.03, 14 / 3], [3e-301, 35]])


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"format": "fastkm codebook"}, "damaged: 'breaks_type' is missing"),
        ({"format": "codebook"}, "is not a codebook of fastkm"),
        ({"version": 2}, "of version 2; this fastkm reads version 1"),
        ({"bands": None}, "damaged: 'bands' is missing"),
        (
            {"scaled_centroids": [[1, 2]]},
            r"scaled_centroids must have shape \(2, 2\), got \(1, 2\)",
        ),
        ({"scaled_centroids": [[1, 2], [3]]}, "damaged"),
        ({"scale": [1, 0]}, "scale must hold numbers above 0"),
        ({"scale": [1, float("nan")]}, "scale must hold numbers of type float64"),
        ({"scale": [1, "inf"]}, "scale must hold finite numbers"),
        ({"scale": [10**400, 1]}, "scale must hold numbers of type float64"),
        ({"scale": [1e308, 1]}, "centroids must be scaled_centroids times scale"),
        ({"centroids": [[1, 2], [3, 4]]}, "centroids must be scaled_centroids times scale"),
        ({"centroids": [[1, None], [3, 4]]}, "centroids must hold numbers of type float64"),
        ({"units": 5}, "units must be a list of words, got 5"),
        ({"units": ["K", 5]}, r"units must be a list of words, got \['K', 5\]"),
        ({"bands": "ab"}, "bands must be a list of words, got 'ab'"),
        ({"version": True}, "of version True; this fastkm reads version 1"),
        ({"k": 2.0}, "k must be an integer of at least 1, got 2.0"),
        ({"units": ["K"]}, "units must be 2 words, got 1"),
    ],
)
def test_damaged_files_are_refused(file, entries, message):
    change(file, **entries)
    with pytest.raises(ValueError, match=message):
        load_codebook(file)


def test_files_of_earlier_versions_are_read(tmp_path):
    bands = tmp_path / "bands.json"
    bands.write_text(
        '{"format": "fastkm codebook of bands", "version": 1, "k": 1, "bands": ["red", "nir"], '
        '"units": ["K", ""], "centroids": [[3.0, 8.0]], "scale": [1.5, 4.0], '
        '"scaled_centroids": [[2.0, 2.0]]}\n'
    )
    assert load_codebook(bands).codes.tolist() == [[2.0, 2.0]]
    band = tmp_path / "band.json"
    band.write_text(
        '{"format": "fastkm codebook", "version": 1, "k": 2, "inertia": 2.5, "gap": 0.0, '
        '"breaks_type": "float64", "centroids": [1.5, 9.0], "breaks": [5.25], "counts": [2, 3], '
        '"weights": [2.0, 3.0], "ranges": [[1.0, 2.0], [8.0, 10.0]], '
        '"variances": [0.25, 0.6666666666666666], "names": ["pw"], "units": ["mm"]}\n'
    )
    assert load_codebook(band).predict([5.0, 6.0]).tolist() == [0, 1]


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_codebook(tmp_path / "no.json")
    (tmp_path / "b.json").write_text("no json")
    with pytest.raises(ValueError, match="not a codebook"):
        load_codebook(tmp_path / "b.json")


# units


@pytest.mark.parametrize(
    "other", ["kg m**-2", "kg m^-2", "kg.m-2", "kg/m2", " m-2  kg ", "kg / m^2", ""]
)
def test_spellings_of_units_do_not_differ(other):
    assert not differ("kg m-2", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("degC", "K"), ("K", "k"), ("m s-1", "m s-2"), ("0.1 mm", "1 mm"), ("%", "1"), ("m", "m s-1")],
)
def test_units_differ(one, other):
    assert differ(one, other)


@pytest.mark.parametrize("bands", [1, 2])
def test_a_raster_in_other_units_is_labelled_with_a_warning(bands):
    warm = xr.DataArray([[[1.0, 2.0, 8.0, 9.0]]] * bands, dims=("band", "y", "x"))
    clusters = fastkm.cluster_raster(warm.assign_attrs(units="degC"), 2)
    for quiet in (warm, warm.assign_attrs(units="degC ")):
        assert clusters.predict(quiet).values.tolist() == [[0, 0, 1, 1]]
    message = "raster is in K, the codebook in degC: convert the raster"
    with pytest.warns(UserWarning, match=message) as caught:
        labels = clusters.predict(warm.assign_attrs(units="K"))
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert labels.shape == (1, 4)
