"""The codebook: labels, words, and a file that gives it back to the bit."""

import dataclasses
import json
import os
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm import load_codebook
from fastkm.cluster.exact.result import KMeans1D, Profile

FINITE = st.floats(allow_nan=False, allow_infinity=False)
NOT_NEGATIVE = st.floats(min_value=0.0)
SAVED = [field.name for field in dataclasses.fields(KMeans1D) if field.name != "profile"]


def codebook_of(values, breaks, **changes):
    """Build the codebook that breaks mean for values."""
    values, breaks = np.asarray(values, float), np.asarray(breaks)
    labels = np.searchsorted(breaks, values)
    parts = [values[labels == j] for j in range(len(breaks) + 1)]
    result = KMeans1D(
        k=len(parts),
        centroids=np.array([part.mean() for part in parts]),
        breaks=breaks if breaks.size else np.empty(0),
        counts=np.array([len(part) for part in parts]),
        weights=np.array([float(len(part)) for part in parts]),
        inertia=float(sum(part.var() * len(part) for part in parts)),
        gap=0.0,
        passes=2,
        ranges=np.array([[part.min(), part.max()] for part in parts]),
        variances=np.array([part.var() for part in parts]),
    )
    return dataclasses.replace(result, **changes)


@pytest.fixture
def codebook():
    return codebook_of([1.0, 2.0, 8.0, 9.0, 10.0, 30.0], [5.0, 20.0])


def assert_same(got, wanted):
    for name in SAVED:
        a, b = getattr(got, name), getattr(wanted, name)
        if isinstance(b, np.ndarray):
            assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
        else:
            assert (type(a), a.hex() if type(a) is float else a) == (
                type(b),
                b.hex() if type(b) is float else b,
            )


def test_it_labels(codebook):
    labels = codebook.predict([[5.0, np.nextafter(5.0, 6.0)], [np.nan, 99.0]])
    assert labels.tolist() == [[0, 1], [-1, 2]]
    out = np.empty(2, "i2")
    assert codebook.predict([20.0, 20.5], out=out) is out
    assert out.tolist() == [1, 2]


@pytest.mark.parametrize(("k", "dtype"), [(1, "i1"), (128, "i1"), (129, "i2"), (32769, "i4")])
def test_labels_are_the_narrowest_that_hold_the_clusters(k, dtype):
    codebook = KMeans1D(k, None, np.arange(k - 1.0), None, None, 0.0, 0.0, 1, None, None)
    labels = codebook.predict([-1.0, float(k), np.nan])
    assert labels.dtype == dtype
    assert labels.tolist() == [0, k - 1, -1]


def test_it_reports_shares_of_the_weight(codebook):
    weighted = dataclasses.replace(codebook, weights=np.array([1.0, 1.0, 6.0]))
    assert weighted.report().shares.tolist() == [0.125, 0.125, 0.75]
    assert weighted.report().equal_size.ratio == 6.0
    assert codebook.report().ranges.tolist() == [[1.0, 2.0], [8.0, 10.0], [30.0, 30.0]]


def test_its_repr_is_for_a_person(codebook):
    assert repr(codebook).splitlines() == [
        "KMeans1D: 3 clusters, inertia 2.5, proven optimal",
        "  0:          1.5               up to 5             2 values  33.33%",
        "  1:            9              up to 20             3 values  50.00%",
        "  2:           30                 above             1 value   16.67%",
    ]


def test_its_repr_shows_shares_of_the_weight(codebook):
    weighted = dataclasses.replace(codebook, weights=np.array([1.0, 1.0, 6.0]))
    assert [line.split()[-1] for line in repr(weighted).splitlines()[1:]] == [
        "12.50%",
        "12.50%",
        "75.00%",
    ]


def test_its_repr_tells_the_gap_where_the_optimum_is_not_proven(codebook):
    unproven = dataclasses.replace(codebook, gap=0.00125)
    assert "inertia 2.5, at most 0.00125 above the optimum\n" in repr(unproven)
    assert "proven" not in repr(unproven)


def test_one_cluster_has_no_break():
    assert repr(codebook_of([1.0, 3.0], [])).splitlines() == [
        "KMeans1D: 1 cluster, inertia 2, proven optimal",
        "  0:            2                 above             2 values 100.00%",
    ]


def test_its_html_is_a_table_of_the_same(codebook):
    table = ET.fromstring(codebook._repr_html_())
    assert table.findtext("caption") == repr(codebook).splitlines()[0]
    rows = [[cell.text for cell in row] for row in table.iter("tr")]
    assert rows == [
        ["cluster", "centroid", "values", "count", "share"],
        ["0", "1.5", "up to 5", "2", "33.33%"],
        ["1", "9", "up to 20", "3", "50.00%"],
        ["2", "30", "above", "1", "16.67%"],
    ]
    assert not any(element.attrib for element in table.iter())


@pytest.mark.parametrize(
    "breaks",
    [[5.0, 20.0], np.array([5, 20]), np.array([5, 2**63 - 1]), np.array([5, 2**64 - 1], "u8")],
    ids=["floats", "integers", "int64", "uint64"],
)
def test_a_file_gives_it_back(breaks, codebook, tmp_path):
    kept = dataclasses.replace(codebook, breaks=np.asarray(breaks))
    kept.ranges[1:] = [[8.0, breaks[1]], [max(30.0, breaks[1]), 2e19]]
    kept.save(tmp_path / "a.json")
    loaded = load_codebook(str(tmp_path / "a.json"))
    assert_same(loaded, kept)
    values = np.array([0, 5, 6, 2**63 - 2, 2**64 - 1], "u8")
    np.testing.assert_array_equal(loaded.predict(values), kept.predict(values))
    assert repr(loaded) == repr(kept)
    assert repr(loaded.report()) == repr(kept.report())


@given(data=st.data(), k=st.integers(1, 5))
def test_a_file_gives_every_float_back(data, k, tmp_path_factory):
    def drawn(elements, *shape):
        size = int(np.prod(shape))
        drawn = data.draw(st.lists(elements, min_size=size, max_size=size))
        return np.array(drawn, float).reshape(shape)

    breaks = np.array(sorted(data.draw(st.sets(FINITE, min_size=k - 1, max_size=k - 1))), float)
    ends = [drawn(FINITE, 1).item() for _ in range(2)]
    first, last = min(*ends, *breaks[:1]), max(*ends, *breaks[-1:])
    kept = KMeans1D(
        k=k,
        centroids=np.sort(drawn(FINITE, k)),
        breaks=breaks,
        counts=np.array(data.draw(st.lists(st.integers(1, 2**63 - 1), min_size=k, max_size=k))),
        weights=drawn(st.floats(1e-300, 1e308), k),
        inertia=data.draw(NOT_NEGATIVE),
        gap=data.draw(NOT_NEGATIVE),
        passes=data.draw(st.integers(0, 9)),
        ranges=np.stack([[first, *breaks], [*breaks, last]], axis=1),
        variances=drawn(NOT_NEGATIVE, k),
    )
    path = tmp_path_factory.getbasetemp() / "any.json"
    kept.save(path)
    assert_same(load_codebook(path), kept)


def test_a_loaded_codebook_has_no_profile(codebook, tmp_path):
    one, ones = np.ones(1), np.ones(1, np.int64)
    dataclasses.replace(codebook, profile=Profile(one, one, ones, one)).save(tmp_path / "a.json")
    assert "profile" not in (tmp_path / "a.json").read_text()
    assert load_codebook(tmp_path / "a.json").profile is None


def test_the_file_is_strict_json_that_a_person_reads(codebook, tmp_path):
    odd = dataclasses.replace(
        codebook, inertia=np.inf, gap=np.inf, variances=np.array([np.inf, 1.0, 0.0])
    )
    odd.save(tmp_path / "a.json")
    text = (tmp_path / "a.json").read_text()
    stored = json.loads(text, parse_constant=pytest.fail)
    assert (stored["format"], stored["version"], stored["k"]) == ("fastkm codebook", 1, 3)
    assert (stored["inertia"], stored["variances"]) == ("inf", ["inf", 1.0, 0.0])
    assert '\n  "breaks": [5.0, 20.0],\n' in text
    assert_same(load_codebook(tmp_path / "a.json"), odd)


def test_a_dictionary_holds_what_the_file_holds(codebook, tmp_path):
    codebook.save(tmp_path / "a.json")
    stored = json.loads((tmp_path / "a.json").read_text())
    assert codebook.to_dict() == stored
    assert_same(KMeans1D.from_dict(stored), codebook)


def test_the_same_result_gives_the_same_bytes(codebook, tmp_path):
    codebook.save(tmp_path / "a.json")
    load_codebook(tmp_path / "a.json").save(tmp_path / "later" / "b.json")
    first, second = (tmp_path / name for name in ("a.json", "later/b.json"))
    assert first.read_bytes() == second.read_bytes()
    assert b"\r" not in first.read_bytes()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.json: no such file"):
        load_codebook(tmp_path / "none.json")


def test_a_folder_is_not_a_codebook(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder, not a codebook"):
        load_codebook(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe\x00", b"[1, 2]", b"3", b'{"k": 2}', b'{"format": "x"}', b"[" * 10**5],
    ids=["empty", "cut", "binary", "list", "number", "bare", "other", "deep"],
)
def test_what_is_not_a_codebook_is_an_error(content, tmp_path):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.json is not a codebook of fastkm"):
        load_codebook(tmp_path / "a.json")


def rewrite(path, codebook, **changes):
    """Save a codebook, then change its file; None takes an entry out."""
    codebook.save(path)
    stored = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({name: v for name, v in stored.items() if v is not None}))


@pytest.mark.parametrize("version", [2, "1", None, [1]], ids=str)
def test_another_version_is_an_error(version, codebook, tmp_path):
    rewrite(tmp_path / "a.json", codebook, version=version)
    with pytest.raises(ValueError, match=r"a\.json is a codebook of version .*reads version 1"):
        load_codebook(tmp_path / "a.json")


def test_a_file_need_not_tell_the_passes(codebook, tmp_path):
    rewrite(tmp_path / "a.json", codebook, passes=None)
    assert load_codebook(tmp_path / "a.json").passes == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 2}, r"centroids must have shape \(2,\), got \(3,\)"),
        ({"k": 0}, "k must be an integer of at least 1, got 0"),
        ({"k": 3.0}, "k must be an integer of at least 1, got 3.0"),
        ({"passes": "2"}, "passes must be an integer of at least 0, got '2'"),
        ({"breaks": [5.0]}, r"breaks must have shape \(2,\), got \(1,\)"),
        ({"breaks": [20.0, 5.0]}, "breaks must be finite and ascend"),
        ({"breaks": [5.0, 5.0]}, "breaks must be finite and ascend"),
        ({"breaks": [5.0, "inf"]}, "breaks must be finite and ascend"),
        ({"breaks": [5.0, "five"]}, "breaks must hold numbers of type float64"),
        ({"breaks": [5.0, {}]}, "breaks must hold numbers of type float64"),
        ({"breaks_type": "int64", "breaks": [5.5, 20.0]}, "breaks must hold numbers of type int64"),
        ({"breaks_type": "int64", "breaks": [5, 2**63]}, "breaks must hold numbers of type int64"),
        ({"breaks_type": "uint64", "breaks": [-5, 20]}, "breaks must hold numbers of type uint64"),
        ({"breaks_type": "object"}, "breaks_type must be one of"),
        ({"centroids": [1.0, 9.0, 2.0]}, "centroids must be finite and ascend"),
        ({"centroids": [1.0, 2.0, float("nan")]}, "centroids must hold numbers of type float64"),
        ({"counts": [2, 3, 1.5]}, "counts must hold numbers of type int64"),
        ({"counts": [2, 3]}, r"counts must have shape \(3,\), got \(2,\)"),
        ({"weights": [1.0, 2.0, [3.0]]}, "weights must hold numbers of type float64"),
        ({"weights": None}, "'weights' is missing"),
        ({"breaks_type": None}, "'breaks_type' is missing"),
        ({"ranges": [1.0, 2.0, 3.0]}, r"ranges must have shape \(3, 2\), got \(3,\)"),
        ({"inertia": [1.0]}, r"inertia must have shape \(\), got \(1,\)"),
        ({"gap": "nan"}, "gap must hold numbers of type float64"),
        ({"gap": -1}, "gap must hold numbers of at least 0"),
        ({"inertia": 10**400}, "inertia must hold numbers of type float64"),
        ({"inertia": "1.5"}, "inertia must hold numbers of type float64"),
        ({"counts": [2, 3, -1]}, "counts must hold numbers of at least 1"),
        ({"counts": [2, 3, True]}, "counts must hold numbers of type int64"),
        ({"weights": [2, 3, -1]}, "weights must hold numbers of at least 0"),
        ({"weights": [0, 0, 0]}, "weights must be finite and not all 0"),
        ({"weights": [1, 2, "inf"]}, "weights must be finite and not all 0"),
        ({"variances": [0, 1, -1e-9]}, "variances must hold numbers of at least 0"),
        ({"variances": [0, 1, "-inf"]}, "variances must hold numbers of type float64"),
        ({"ranges": [[1, 2], [8, 10], [31, 30]]}, "ranges must be finite and ascend"),
        ({"ranges": [[1, 2], [8, 10], [30, "inf"]]}, "ranges must be finite and ascend"),
        ({"breaks": [5.0, 50.0]}, "ranges must .* with the breaks between them"),
        ({"units": 5}, "units must be a list of words, got 5"),
        ({"units": ["\ud800"]}, "units must be a list of words"),
        ({"k": [1] * 10**4}, r"k must be an integer of at least 1, got \[1, 1, 1, 1, 1, 1, ...\]"),
    ],
    ids=str,
)
def test_a_damaged_file_is_an_error_that_says_what_is_wrong(changes, message, codebook, tmp_path):
    rewrite(tmp_path / "a.json", codebook, **changes)
    with pytest.raises(ValueError, match=rf"a\.json is damaged: .*{message}"):
        load_codebook(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        (slice(-2), "Expecting"),
        (slice(100), ""),
        ((b'"k": 3', b'"k": 3, "k": 3'), "an entry stands in it twice"),
        ((b'"k": 3', b'"k": ' + b"[" * 10**5), "it is nested too deeply"),
        ((b'"k": 3', b'"k": 1' + b"0" * 5000), "integer"),
        ((b'"k": 3', b'"k": "\xff"'), "codec"),
    ],
    ids=["cut", "half", "twice", "deep", "long", "bytes"],
)
def test_a_codebook_that_is_no_json_any_more_is_damaged(cut, message, codebook, tmp_path):
    codebook.save(tmp_path / "a.json")
    text = (tmp_path / "a.json").read_bytes()
    (tmp_path / "a.json").write_bytes(text[cut] if isinstance(cut, slice) else text.replace(*cut))
    with pytest.raises(ValueError, match=rf"a\.json is damaged: .*{message}"):
        load_codebook(tmp_path / "a.json")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.json")
    with pytest.raises(ValueError, match=r"a\.json is not a codebook of fastkm"):
        load_codebook(tmp_path / "a.json")


def test_a_huge_file_is_not_read(codebook, tmp_path):
    codebook.save(tmp_path / "a.json")
    os.truncate(tmp_path / "a.json", 1 << 40)
    with pytest.raises(ValueError, match=r"a\.json is not a codebook of fastkm"):
        load_codebook(tmp_path / "a.json")


def test_an_entry_of_nothing_is_not_a_number(codebook, tmp_path):
    codebook.save(tmp_path / "a.json")
    text = (tmp_path / "a.json").read_text()
    (tmp_path / "a.json").write_text(text.replace("0.0]\n", "null]\n"))
    with pytest.raises(ValueError, match=r"is damaged: variances must hold numbers"):
        load_codebook(tmp_path / "a.json")


def test_it_does_not_write_over_a_folder(codebook, tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        codebook.save(tmp_path)
