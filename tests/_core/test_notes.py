import warnings

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
