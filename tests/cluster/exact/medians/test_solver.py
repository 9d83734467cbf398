"""kmeans1d with criterion="median" against every partition, ckwrap, and what a user may count on."""

import pickle

import ckwrap
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import fastkm
from fastkm import choose_k, kmeans1d, load_codebook
from fastkm.cluster.exact.medians import pruning, solver
from tests import naive
from tests.conftest import COMPILED
from tests.from_file import from_file

FEW = 1 if COMPILED else 30
SIZE = 1_000 if COMPILED else 250
RNG = np.random.default_rng(4)
CLOUD = np.round(np.append(RNG.gamma(3, 8, SIZE * 7 // 10), RNG.normal(60, 5, SIZE * 3 // 10)), 1)


def medians(values, k, **options):
    return kmeans1d(values, k, criterion="median", **options)


def assert_same(a, b):
    """Hold two results equal to the bit, except for how often the data was read."""
    names = ("centroids", "breaks", "counts", "weights", "ranges", "variances")
    for name in names:
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
    assert (a.k, a.inertia, a.gap, a.criterion) == (b.k, b.inertia, b.gap, b.criterion)


def find_ends(result, distinct):
    """Return the cuts that a result means."""
    return [0, *np.searchsorted(distinct, result.ranges[:, 1], side="right").tolist()]


@given(
    values=st.lists(st.sampled_from([-3.0, 0.0, 0.1, 1.0, 2.0, 2.5, 4.0, 1e9, 1e-9]), min_size=1),
    k=st.integers(1, 5),
)
def test_the_optimum_with_the_lowest_cuts(values, k):
    distinct, counts = np.unique(values, return_counts=True)
    k = min(k, len(distinct))
    result = medians(values, k)
    cost, cuts = naive.find_optimal_cuts(distinct, counts, k, naive.deviation_costs)
    assert find_ends(result, distinct) == cuts
    assert result.inertia == pytest.approx(float(cost), rel=1e-13)
    assert result.gap == 0
    labels = result.predict(values)
    assert np.bincount(labels, minlength=k).tolist() == result.counts.tolist()
    for j in range(k):
        assert result.centroids[j] == np.median(np.array(values)[labels == j])


@given(seed=st.integers(0, 2**32), k=st.integers(1, 4))
def test_weights(seed, k):
    rng = np.random.default_rng(seed)
    distinct = np.unique(np.round(rng.normal(size=8) * 9))
    weights = rng.choice([0.1, 0.2, 0.3, 1e-12], len(distinct))
    k = min(k, len(distinct))
    order = rng.permutation(len(distinct))
    result = medians(distinct[order], k, weights=weights[order])
    cost, cuts = naive.find_optimal_cuts(distinct, weights, k, naive.deviation_costs)
    assert find_ends(result, distinct) == cuts
    assert result.inertia == pytest.approx(float(cost), rel=1e-12)
    whole = (
        medians(np.repeat(distinct, 3), k),
        medians(distinct, k, weights=np.full(len(distinct), 3)),
    )
    assert np.array_equal(whole[0].centroids, whole[1].centroids)
    assert whole[0].inertia == whole[1].inertia


@pytest.mark.parametrize("kind", ["normal", "skewed", "rounded", "float32", "many", "clusters"])
def test_ckwrap_finds_nothing_better(kind):
    rng = np.random.default_rng(2)
    values = {
        "normal": rng.normal(size=3_000 // FEW),
        "skewed": rng.lognormal(0, 2, 3_000 // FEW),
        "rounded": np.round(rng.normal(0, 20, 3_000 // FEW)),
        "float32": rng.gamma(3, 8, 3_000 // FEW).astype("f4"),
        "many": rng.normal(size=20_000 // FEW),
        "clusters": rng.standard_cauchy(1_000 if FEW == 1 else 200),
    }[kind]
    for k, result in medians(values, (12, 45) if kind == "clusters" else (2, 3, 7)).items():
        labels = ckwrap.ckmedians(values, k).labels
        parts = [values[labels == j].astype(float) for j in range(k)]
        theirs = sum(np.abs(part - np.median(part)).sum() for part in parts)
        assert result.inertia <= theirs * (1 + 1e-12)
        assert result.inertia == pytest.approx(theirs, rel=1e-9)
        assert result.gap == 0


class TestSameBits:
    WANTED = medians(CLOUD, 4)

    @pytest.mark.parametrize("threads", [1, 3])
    def test_at_any_number_of_threads(self, threads):
        assert_same(medians(CLOUD, 4, threads=threads), self.WANTED)

    @pytest.mark.parametrize(
        "values",
        [
            CLOUD.tolist(),
            CLOUD[::-1].reshape(10, -1),
            np.ma.masked_invalid(np.append(CLOUD, np.nan)),
            xr.DataArray(CLOUD),
            da.from_array(CLOUD, SIZE // 7),
            lambda: [CLOUD[:7], CLOUD[7:]],
        ],
        ids=["list", "strided", "masked", "DataArray", "dask", "callable"],
    )
    def test_in_any_form(self, values):
        assert_same(medians(values, 4), self.WANTED)

    def test_with_several_k(self):
        assert_same(medians(CLOUD, [2, 4])[4], self.WANTED)

    def test_if_chunks_are_counted(self, monkeypatch):
        monkeypatch.setattr(solver, "MOST", SIZE - 1)
        result = medians(CLOUD, 4)
        assert_same(result, self.WANTED)
        assert (result.passes, self.WANTED.passes) == (2, 1)

    def test_if_positions_are_ruled_out_in_other_rounds(self, monkeypatch):
        monkeypatch.setattr(pruning, "EDGES", 6)
        assert_same(medians(CLOUD, 4), self.WANTED)

    def test_if_chunks_have_several_types(self):
        ours = medians(lambda: [np.array([1, 2, 3]), np.array([8.5, 9.0])], 2)
        assert_same(ours, medians([1.0, 2.0, 3.0, 8.5, 9.0], 2))

    def test_with_weights_in_any_order(self):
        weights = RNG.random(len(CLOUD))
        order = RNG.permutation(len(CLOUD))
        wanted = medians(CLOUD, 4, weights=weights)
        assert_same(medians(CLOUD[order], 4, weights=weights[order]), wanted)


class TestTypes:
    def test_integers_of_8_bits_are_counted(self):
        values = np.array([1, 2, 2, 100, 101, 120], "i1")
        result = medians(values, 2)
        assert result.centroids.tolist() == [2.0, 101.0]
        assert result.breaks.tolist() == [51.0]

    def test_integers_beyond_2_to_the_53(self):
        start = 2**60
        result = medians(start + np.array([0, 2, 4, 4000, 4002, 4008]), 2)
        assert result.breaks.dtype == "i8"
        assert result.breaks.tolist() == [start + 2002]
        assert result.inertia == 4 + 8

    @pytest.mark.parametrize("scale", [0.5, -0.5])
    def test_packed_rasters_speak_of_physical_values(self, scale):
        stored = xr.DataArray(np.array([[0, 1, 2], [50, 52, -99]], "i2"), dims=("y", "x"))
        packing = {"scale_factor": scale, "add_offset": 10.0, "_FillValue": np.int16(-99)}
        result = medians(from_file(stored, **packing), 2)
        wanted = medians(np.array([0, 1, 2, 50, 52]) * scale + 10, 2)
        assert result.centroids.tolist() == wanted.centroids.tolist()
        assert result.counts.tolist() == wanted.counts.tolist()
        assert result.inertia == wanted.inertia == 0.5 * 4
        assert result.variances == pytest.approx(wanted.variances)

    def test_values_of_all_magnitudes(self):
        result = medians([1e-300, 2e-300, 1e300, 1.1e300], 2)
        assert result.counts.tolist() == [2, 2]
        assert result.gap == 0
        assert result.inertia == pytest.approx(1e299)


class TestErrors:
    def test_an_unknown_criterion(self):
        with pytest.raises(ValueError, match="criterion must be 'mean' or 'median', got 'mode'"):
            kmeans1d([1, 2], 1, criterion="mode")

    def test_too_few_values(self):
        with pytest.raises(fastkm.ClusterError, match="distinct values, 1"):
            medians([3.0, 3.0, np.nan], 2)
        with pytest.raises(fastkm.ClusterError, match="all cells are missing"):
            medians([np.nan], 1)

    def test_infinity(self):
        with pytest.raises(ValueError, match=r"values must not be infinite, but cell \(1,\) is"):
            medians([1.0, np.inf, 2.0], 1)

    @pytest.mark.parametrize("weighted", [True, False])
    def test_more_values_than_are_sorted(self, weighted, monkeypatch):
        monkeypatch.setattr(solver, "MOST", 5)
        values = np.arange(9.0)
        what = "weighted" if weighted else "distinct"
        with pytest.raises(ValueError, match=f"at most 5 {what} values if criterion is 'median'"):
            medians(values, 2, weights=np.ones(9) if weighted else None)

    def test_more_equal_partitions_than_are_compared(self, monkeypatch):
        monkeypatch.setattr(solver, "are_few", lambda _: False)
        with pytest.warns(UserWarning, match="too many partitions are equally good"):
            result = medians([0.0, 1.0, 2.0], 2)
        assert result.inertia == 1
        assert 0 < result.gap < 1e-10


class TestResult:
    RESULT = medians([1.0, 2.0, 4.0, 8.0, 9.0, 1000.0], 2)

    def test_it_says_what_it_is(self):
        assert self.RESULT.criterion == "median"
        assert "2 clusters of least absolute deviations" in repr(self.RESULT)
        assert kmeans1d([1.0, 2.0], 1).criterion == "mean"

    def test_variances_are_about_the_median(self):
        own = np.array([1.0, 2.0, 4.0, 8.0, 9.0])
        assert self.RESULT.variances.tolist() == [np.mean((own - 4) ** 2), 0.0]

    def test_the_report_speaks_of_medians(self):
        report = self.RESULT.report()
        assert report.centre == "median"
        assert "median" in repr(report).splitlines()[0]
        assert "What k-medians assumes" in repr(report)

    def test_a_value_midway_between_medians_is_labelled_as_it_was_counted(self):
        result = medians([0.0, 1.0, 2.0], 2)
        assert result.counts.tolist() == [1, 2]
        assert result.predict([0.0, 1.0, 2.0]).tolist() == [0, 1, 1]

    def test_its_file_says_so(self, tmp_path):
        self.RESULT.save(tmp_path / "a.json")
        assert '"format": "fastkm codebook of medians"' in (tmp_path / "a.json").read_text()
        loaded = load_codebook(tmp_path / "a.json")
        assert_same(loaded, self.RESULT)
        assert "least absolute deviations" in repr(loaded)

    def test_it_can_be_pickled(self):
        assert_same(pickle.loads(pickle.dumps(self.RESULT)), self.RESULT)


class TestChoice:
    RESULTS = medians(CLOUD, range(2, 5))

    @pytest.mark.parametrize("criterion", ["silhouette", "elbow"])
    def test_k_is_chosen(self, criterion):
        assert choose_k(self.RESULTS, criterion).k in self.RESULTS

    def test_silhouettes_are_those_of_the_partition(self):
        from sklearn.metrics import silhouette_score

        scores = choose_k(self.RESULTS).scores
        for k, result in self.RESULTS.items():
            wanted = silhouette_score(CLOUD[:, None], result.predict(CLOUD))
            assert scores[k] == pytest.approx(wanted, rel=1e-9)

    @pytest.mark.parametrize("criterion", ["bic", "calinski_harabasz"])
    def test_criteria_of_squares_are_refused(self, criterion):
        with pytest.raises(ValueError, match=f"{criterion} needs sums of squares"):
            choose_k(self.RESULTS, criterion)

    def test_a_profile_of_many_values_is_merged(self, monkeypatch):
        monkeypatch.setattr(solver, "MAX_DISTINCT", 100)
        monkeypatch.setattr(solver, "MAX_PROFILE", 50)
        results = medians(CLOUD, range(2, 5))
        profile = results[2].profile
        assert 50 <= len(profile.values) <= 50 + 2 + 3 + 4
        assert profile.counts.sum() == len(CLOUD)
        assert profile.weights @ profile.values == pytest.approx(CLOUD.sum())
        for k, result in results.items():
            labels = np.searchsorted(result.breaks, profile.values)
            counts = np.bincount(labels, profile.counts, minlength=k)
            assert counts.tolist() == self.RESULTS[k].counts.tolist()
        choice = choose_k(results)
        for k, score in choose_k(self.RESULTS).scores.items():
            assert abs(choice.scores[k] - score) <= choice.errors[k]
