import warnings

import pytest
import xarray as xr

import fastkm
from fastkm._core.notes import forget_notes, ignore_notes, note_once


def collect(*notes):
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        for note in notes:
            note_once(*note)
    return [str(note.message) for note in given]


def test_the_same_note_is_given_once():
    notes = [("units are odd",), ("names are odd",), ("units are odd",)]
    assert collect(*notes) == ["units are odd", "names are odd"]
    assert collect(*notes) == []
    forget_notes()
    assert collect(*notes) == ["units are odd", "names are odd"]


def test_a_topic_has_one_note():
    assert collect(("3 are odd", "odd"), ("4 are odd", "odd"), ("5 are even",)) == [
        "3 are odd",
        "5 are even",
    ]


def test_notes_of_a_first_look_are_given_again():
    assert collect(("before",)) == ["before"]
    with ignore_notes():
        note_once("meanwhile")
    assert collect(("before",), ("meanwhile",)) == ["meanwhile"]
    forget_notes()


COMPUTED = xr.DataArray([[1.0, 2.0], [8.0, 9.0]], dims=("y", "x"), attrs={"_FillValue": 9.0})


@pytest.mark.parametrize(
    "call",
    [
        lambda: fastkm.kmeans1d(COMPUTED, 2),
        lambda: fastkm.kmeans1d(COMPUTED.chunk({"y": 1}), 2),
        lambda: fastkm.kmeans1d([1.0, 2.0, 8.0], 2).predict(COMPUTED),
        lambda: fastkm.cluster_raster(COMPUTED, [2, 9]),
        lambda: note_once("a note"),
    ],
)
def test_warnings_point_to_the_line_that_called_fastkm(call):
    """However deep in fastkm the reason is found, and if dask stands between two of its functions."""
    forget_notes()
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        call()
    places = {(note.filename, note.lineno) for note in given}
    assert places == {(__file__, call.__code__.co_firstlineno)}
    forget_notes()
