"""KMeans beside scikit-learn's own."""

import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn.cluster
import xarray as xr
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import pairwise_distances
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._test_common.instance_generator import PER_ESTIMATOR_XFAIL_CHECKS
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastkm
from fastkm.cluster.lloyd.iteration import ALGORITHMS
from tests.from_file import from_file

RNG = np.random.default_rng(11)
CORNERS = np.array([[0, 0, 0], [40, 0, 8], [0, 40, 16], [40, 40, 24]])
ROWS = (CORNERS[np.arange(80) % 4] + RNG.normal(0, 3, (80, 3))).round(2)
START = ROWS[[1, 0, 4, 3]]
WEIGHTS = RNG.uniform(0, 3, 80)
COLUMN = ROWS[:, :1]


def expected_failures(estimator):
    """Give what scikit-learn expects of its own KMeans, less what is not run without sparse X.

    Draws go by row, so rows that are repeated and shuffled start elsewhere than weighted ones.
    """
    theirs = PER_ESTIMATOR_XFAIL_CHECKS[sklearn.cluster.KMeans]
    return {check: why for check, why in theirs.items() if "sparse" not in check}


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")  # eight, of four distinct rows
@parametrize_with_checks(
    [fastkm.KMeans(), fastkm.KMeans(algorithm="lloyd", init="random")],
    expected_failed_checks=expected_failures,
)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def both(X, sample_weight=None, **parameters):
    """Fit ours and scikit-learn's."""
    parameters = {"n_clusters": 4, "init": START, **parameters}
    return (
        fastkm.KMeans(**parameters).fit(X, sample_weight=sample_weight),
        sklearn.cluster.KMeans(**parameters).fit(X, sample_weight=sample_weight),
    )


def same(model, other):
    """Tell whether two fits are the same to the bit."""
    return (
        np.array_equal(model.cluster_centers_, other.cluster_centers_)
        and np.array_equal(model.labels_, other.labels_)
        and model.inertia_ == other.inertia_
        and model.n_iter_ == other.n_iter_
    )


class TestBesideScikitLearn:
    @pytest.mark.parametrize("sample_weight", [None, WEIGHTS, 2.5], ids=["none", "each", "one"])
    @pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i4", "u1"])
    def test_from_the_same_start_the_same_is_found(self, dtype, sample_weight):
        X = ROWS.clip(0, 250).astype(dtype)
        ours, theirs = both(X, sample_weight)
        np.testing.assert_array_equal(ours.labels_, theirs.labels_)
        np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=2e-5)
        assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=2e-5)
        assert ours.n_iter_ == theirs.n_iter_
        assert ours.cluster_centers_.dtype == theirs.cluster_centers_.dtype
        assert ours.labels_.dtype == theirs.labels_.dtype
        assert isinstance(ours.inertia_, float)
        assert isinstance(ours.n_iter_, int)

    @pytest.mark.parametrize("parameters", [{"tol": 0}, {"tol": 10.0}, {"max_iter": 2}])
    def test_it_stops_where_scikit_learn_stops(self, parameters):
        X = RNG.normal(size=(60, 2))
        ours, theirs = both(X, init=X[:4], **parameters)
        assert ours.n_iter_ == theirs.n_iter_
        np.testing.assert_array_equal(ours.labels_, theirs.labels_)
        np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=1e-9)

    @pytest.mark.parametrize("dtype", ["f8", "f4"])
    def test_methods_give_the_same(self, dtype):
        X, new = ROWS.astype(dtype), (ROWS + 5).astype(dtype)
        ours, theirs = both(X)
        np.testing.assert_array_equal(ours.predict(new), theirs.predict(new))
        np.testing.assert_allclose(ours.transform(new), theirs.transform(new), rtol=1e-4)
        assert ours.transform(new).dtype == theirs.transform(new).dtype
        assert ours.score(new) == pytest.approx(theirs.score(new), rel=1e-5)
        heavy = ours.score(new, sample_weight=WEIGHTS)
        assert heavy == pytest.approx(theirs.score(new, sample_weight=WEIGHTS), rel=1e-5)

    @pytest.mark.parametrize("init", ["k-means++", "random"])
    def test_starts_that_are_drawn_lead_to_the_same_clusters(self, init):
        drawn = fastkm.KMeans(4, init=init, n_init=10, random_state=3).fit(ROWS)
        assert drawn.inertia_ == pytest.approx(both(ROWS)[1].inertia_)

    def test_parameters_and_their_defaults_are_scikit_learns(self):
        ours, theirs = fastkm.KMeans().get_params(), sklearn.cluster.KMeans().get_params()
        assert set(ours) - set(theirs) == {"threads"}
        assert set(theirs) <= set(ours)
        assert {name for name in theirs if ours[name] != theirs[name]} == {"algorithm"}

    def test_tags_are_scikit_learns_but_for_sparse(self):
        ours, theirs = (
            fastkm.KMeans().__sklearn_tags__(),
            sklearn.cluster.KMeans().__sklearn_tags__(),
        )
        theirs.input_tags.sparse = False
        theirs.transformer_tags.preserves_dtype = ours.transformer_tags.preserves_dtype
        assert ours == theirs


class TestMethods:
    def test_labels_are_those_of_predict(self):
        for dtype in ("f8", "f4"):
            model = fastkm.KMeans(6, random_state=0).fit(ROWS.astype(dtype))
            np.testing.assert_array_equal(model.labels_, model.predict(ROWS.astype(dtype)))
            assert model.score(ROWS.astype(dtype)) == pytest.approx(-model.inertia_, rel=1e-12)

    def test_transform_measures_differences(self):
        X = ROWS + 1e7
        model = fastkm.KMeans(4, init=START + 1e7).fit(X)
        wanted = np.linalg.norm(X[:, np.newaxis] - model.cluster_centers_, axis=2)
        np.testing.assert_allclose(model.transform(X), wanted, rtol=1e-12)

    def test_fit_predict_and_fit_transform_are_fit_and_then(self):
        model = fastkm.KMeans(3, random_state=5)
        np.testing.assert_array_equal(
            clone(model).fit_predict(ROWS, sample_weight=WEIGHTS),
            clone(model).fit(ROWS, sample_weight=WEIGHTS).labels_,
        )
        np.testing.assert_array_equal(
            clone(model).fit_transform(ROWS, sample_weight=WEIGHTS),
            clone(model).fit(ROWS, sample_weight=WEIGHTS).transform(ROWS),
        )

    def test_the_same_seed_gives_the_same(self):
        fits = [fastkm.KMeans(5, random_state=seed).fit(ROWS) for seed in (8, 8)]
        assert same(*fits)
        state = np.random.RandomState(8)
        assert same(fits[0], fastkm.KMeans(5, random_state=state).fit(ROWS))

    def test_nothing_but_fit_works_before_it(self):
        for method in ("predict", "transform", "score"):
            with pytest.raises(NotFittedError):
                getattr(fastkm.KMeans(), method)(ROWS)

    def test_centers_that_were_set_by_hand_count(self):
        for X, centers in ((ROWS, CORNERS[::-1]), (COLUMN, [[30.0], [0], [10], [20]])):
            model = fastkm.KMeans(4, random_state=0).fit(X)
            model.cluster_centers_ = np.array(centers, float)
            nearest = pairwise_distances(X, centers)
            np.testing.assert_array_equal(model.predict(X), nearest.argmin(axis=1))
            np.testing.assert_allclose(model.transform(X), nearest, rtol=1e-6, atol=1e-6)
            assert model.score(X) == pytest.approx(-(nearest.min(axis=1) ** 2).sum())

    def test_a_fit_that_fails_leaves_the_last_one(self):
        model = fastkm.KMeans(4).fit(COLUMN)
        labels = model.predict(COLUMN)
        model.set_params(init=lambda X, k, random_state: X[:2])
        with pytest.raises(ValueError, match="init"):
            model.fit(COLUMN)
        np.testing.assert_array_equal(model.predict(COLUMN), labels)

    @pytest.mark.parametrize("X", [ROWS, COLUMN], ids=["rows", "column"])
    def test_threads_change_no_bit(self, X):
        X = np.tile(X, (30, 1))
        one, two = (fastkm.KMeans(5, random_state=1, threads=n).fit(X) for n in (1, 2))
        assert same(one, two)
        np.testing.assert_array_equal(one.transform(X), two.transform(X))
        assert one.score(X) == two.score(X)

    @pytest.mark.parametrize("algorithm", [*ALGORITHMS, "elkan"])
    def test_algorithms_give_the_same(self, algorithm):
        plain = fastkm.KMeans(5, random_state=1, algorithm="lloyd").fit(ROWS)
        other = fastkm.KMeans(5, random_state=1, algorithm=algorithm).fit(ROWS)
        assert same(other, plain)

    @pytest.mark.parametrize(
        ("X", "said"),
        [(ROWS, r"\d+ iterations"), (COLUMN, "proven optimum")],
        ids=["rows", "column"],
    )
    def test_verbose_prints_a_line_and_changes_nothing(self, X, said, capsys):
        quiet = fastkm.KMeans(4, random_state=1).fit(X)
        assert capsys.readouterr().out == ""
        wordy = fastkm.KMeans(4, random_state=1, verbose=1, copy_x=False).fit(X)
        assert re.fullmatch(rf"KMeans: {said}, inertia [\d.]+\n", capsys.readouterr().out)
        assert same(wordy, quiet)

    def test_partial_fit_is_absent_and_says_what_to_use(self):
        assert not hasattr(fastkm.KMeans(), "partial_fit")
        with pytest.raises(
            AttributeError, match=r"no partial_fit, .* by fastkm\.cluster_raster of"
        ):
            fastkm.KMeans().partial_fit(ROWS)


class TestStarts:
    def test_a_callable_starts_each_run_and_sees_the_rows_read_only(self):
        seen = []

        def start(X, n_clusters, random_state):
            seen.append((X.dtype, X.flags.writeable, n_clusters, type(random_state)))
            return X[random_state.permutation(len(X))[:n_clusters]]

        X = ROWS.astype("f4")
        fastkm.KMeans(4, init=start, n_init=3, random_state=0).fit(X)
        assert seen == [(X.dtype, False, 4, np.random.RandomState)] * 3
        assert X.flags.writeable
        fastkm.KMeans(4, init=start, random_state=0).fit(X)
        assert len(seen) == 13  # "auto" is 10

    def test_what_a_callable_returns_is_a_start(self):
        called = fastkm.KMeans(4, init=lambda X, k, random_state: START.tolist()).fit(ROWS)
        assert same(called, fastkm.KMeans(4, init=START).fit(ROWS))

    def test_an_array_is_left_as_it_is(self):
        init = START.copy()
        fastkm.KMeans(4, init=init).fit(ROWS)
        np.testing.assert_array_equal(init, START)

    def test_several_runs_from_one_array_are_one_with_a_warning(self):
        with pytest.warns(RuntimeWarning, match="performing only one init in KMeans") as caught:
            several = fastkm.KMeans(4, init=START, n_init=3).fit(ROWS)
        assert caught[0].filename == __file__
        assert same(several, fastkm.KMeans(4, init=START, n_init=1).fit(ROWS))


class TestOneFeature:
    @pytest.mark.parametrize("sample_weight", [None, WEIGHTS], ids=["none", "each"])
    @pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i2", "i8"])
    def test_it_is_the_optimum(self, dtype, sample_weight):
        X = COLUMN.astype(dtype)
        model = fastkm.KMeans(5).fit(X, sample_weight=sample_weight)
        best = fastkm.kmeans1d(X[:, 0], 5, weights=sample_weight)
        np.testing.assert_array_equal(
            model.cluster_centers_[:, 0], best.centroids.astype(model.cluster_centers_.dtype)
        )
        np.testing.assert_array_equal(model.labels_, best.predict(X[:, 0]))
        np.testing.assert_array_equal(model.labels_, model.predict(X))
        assert (model.inertia_, model.n_iter_) == (best.inertia, 1)
        assert best.gap == 0

    def test_it_is_at_most_what_scikit_learn_finds(self):
        theirs = sklearn.cluster.KMeans(7, n_init=5, random_state=0).fit(COLUMN)
        assert fastkm.KMeans(7).fit(COLUMN).inertia_ <= theirs.inertia_ * (1 + 1e-12)

    @pytest.mark.parametrize("offset", [0, 1e6, 2.0**24])
    def test_rounded_centers_do_not_change_labels(self, offset):
        X = (np.arange(40.0)[:, np.newaxis] + offset).astype("f4")
        for k in range(2, 9):
            model = fastkm.KMeans(k).fit(X)
            np.testing.assert_array_equal(model.predict(X), model.labels_)
            np.testing.assert_array_equal(
                pickle.loads(pickle.dumps(model)).predict(X), model.labels_
            )

    def test_a_value_midway_goes_to_the_lower_center_as_anywhere(self):
        X = np.array([[-4.0], [0], [4], [6]])  # centers -4, 0 and 5
        model = fastkm.KMeans(3).fit(X)
        lloyd = fastkm.KMeans(3, init=model.cluster_centers_).fit(X)
        for fitted in (model, lloyd):
            np.testing.assert_array_equal(fitted.predict([[-2.0], [2.5]]), [0, 1])

    @pytest.mark.parametrize(
        "parameters", [{"algorithm": "lloyd"}, {"init": COLUMN[:4]}, {"algorithm": "bounded"}]
    )
    def test_lloyd_runs_where_it_is_asked_for(self, parameters):
        model = fastkm.KMeans(4, random_state=0, **parameters).fit(COLUMN)
        assert model.n_iter_ > 1

    def test_too_few_distinct_values_are_a_cluster_each(self):
        X = np.array([[3.0], [1], [3], [1], [1]])
        with pytest.warns(
            ConvergenceWarning, match=r"clusters \(2\) found smaller than n_clusters \(4"
        ):
            model = fastkm.KMeans(4).fit(X)
        np.testing.assert_array_equal(model.cluster_centers_[:, 0], [1, 3, 3, 3])
        np.testing.assert_array_equal(model.labels_, [1, 0, 1, 0, 0])
        np.testing.assert_array_equal(model.predict(X), model.labels_)
        assert model.transform(X).shape == (5, 4)


class TestWithinScikitLearn:
    def test_in_a_pipeline(self):
        ours = make_pipeline(StandardScaler(), fastkm.KMeans(4, random_state=0)).fit(ROWS)
        assert len(np.unique(ours.predict(ROWS))) == 4
        assert ours.transform(ROWS).shape == (80, 4)
        assert list(ours.get_feature_names_out()) == [f"kmeans{j}" for j in range(4)]

    def test_in_a_grid_search(self):
        search = GridSearchCV(fastkm.KMeans(random_state=0), {"n_clusters": [1, 2, 4]}, cv=3)
        assert search.fit(ROWS).best_params_ == {"n_clusters": 4}
        assert search.best_score_ < 0

    def test_a_pickle_gives_the_same(self):
        model = fastkm.KMeans(4, random_state=0).fit(ROWS)
        back = pickle.loads(pickle.dumps(model))
        assert same(model, back)
        np.testing.assert_array_equal(back.predict(ROWS), model.labels_)

    def test_a_clone_has_the_parameters_only(self):
        model = fastkm.KMeans(4, init=START, tol=0.5).fit(ROWS)
        fresh = clone(model)
        assert not hasattr(fresh, "labels_")
        assert fresh.tol == 0.5
        assert same(fresh.fit(ROWS), model)

    def test_set_output_gives_a_frame(self):
        frame = pd.DataFrame(ROWS, columns=["a", "b", "c"], index=np.arange(80) + 7)
        distances = (
            fastkm.KMeans(2, random_state=0).set_output(transform="pandas").fit_transform(frame)
        )
        assert list(distances.columns) == ["kmeans0", "kmeans1"]
        assert list(distances.index) == list(frame.index)

    def test_feature_names_are_kept_and_compared(self):
        frame = pd.DataFrame(ROWS, columns=["a", "b", "c"])
        model = fastkm.KMeans(2, random_state=0).fit(frame)
        assert list(model.feature_names_in_) == ["a", "b", "c"]
        assert model.n_features_in_ == 3
        with pytest.raises(ValueError, match="feature names should match"):
            model.predict(frame[["b", "a", "c"]])
        with pytest.warns(UserWarning, match="does not have valid feature names"):
            model.predict(ROWS)

    def test_sample_weights_can_be_routed(self):
        with sklearn.config_context(enable_metadata_routing=True):
            model = fastkm.KMeans().set_fit_request(sample_weight=True)
            assert model.get_metadata_routing().fit.requests == {"sample_weight": True}


def readonly(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def gappy(array):
    larger = np.full([2 * length for length in array.shape], 99, array.dtype)
    larger[::2, ::2] = array
    return larger[::2, ::2]


def unaligned(array):
    raw = np.zeros(array.nbytes + 1, "u1")
    shifted = np.frombuffer(raw.data, array.dtype, array.size, offset=1).reshape(array.shape)
    shifted[...] = array
    return shifted


LAYOUTS = {
    "read-only": readonly,
    "Fortran": np.asfortranarray,
    "gaps": gappy,
    "backwards": lambda array: array[::-1].copy()[::-1],
    "big-endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
    "unaligned": unaligned,
    "list": lambda array: array.tolist(),
    "objects": lambda array: array.astype(object),
    "unmasked": np.ma.MaskedArray,
    "frame": pd.DataFrame,
    "extension": lambda array: pd.DataFrame(array).convert_dtypes(),
    "DataArray": lambda array: xr.DataArray(array, dims=("row", "band")),
    "packed": lambda array: from_file(
        xr.DataArray(array * 2, dims=("row", "band")), scale_factor=0.5, add_offset=0.0
    ),
}


class TestData:
    @pytest.mark.filterwarnings("ignore:X has feature names")
    @pytest.mark.parametrize("X", [ROWS, COLUMN], ids=["rows", "column"])
    @pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "i2"])
    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_any_layout_gives_what_plain_float64_gives(self, layout, dtype, X):
        X = X.astype(dtype)
        wanted = fastkm.KMeans(4, random_state=0).fit(X.astype("f8"))
        model = fastkm.KMeans(4, random_state=0).fit(LAYOUTS[layout](X))
        np.testing.assert_array_equal(model.labels_, wanted.labels_)
        np.testing.assert_allclose(model.cluster_centers_, wanted.cluster_centers_, rtol=1e-6)
        np.testing.assert_array_equal(model.predict(LAYOUTS[layout](X)), wanted.labels_)
        np.testing.assert_allclose(
            model.transform(LAYOUTS[layout](X)), wanted.transform(X), rtol=1e-6, atol=1e-6
        )

    @pytest.mark.parametrize("dtype", ["f8", "f4", "i4", "u1"])
    @pytest.mark.parametrize("order", ["C", "F"])
    def test_rows_reach_the_engine_as_they_are(self, dtype, order, monkeypatch):
        X = np.array(ROWS.clip(0, 250), dtype, order=order)
        given = []

        def engine(rows, *arguments, **options):
            given.append(rows)
            return fitting(rows, *arguments, **options)

        fitting = fastkm.cluster.estimator.fit_rows
        monkeypatch.setattr(fastkm.cluster.estimator, "fit_rows", engine)
        fastkm.KMeans(2, random_state=0).fit(X)
        assert np.shares_memory(given[0], X)
        assert given[0].strides == X.strides

    def test_long_doubles_and_booleans_work(self):
        X = ROWS.astype(np.longdouble)
        assert fastkm.KMeans(4, init=START).fit(X).cluster_centers_.dtype == np.float64
        assert same(fastkm.KMeans(4, init=START).fit(X), fastkm.KMeans(4, init=START).fit(ROWS))
        yes = ROWS > 20
        ours = fastkm.KMeans(3, random_state=0).fit(yes)
        assert same(ours, fastkm.KMeans(3, random_state=0).fit(yes.astype("u1")))

    def test_nothing_is_written_to(self):
        X, weights = ROWS.copy(), WEIGHTS.copy()
        fastkm.KMeans(4, random_state=0).fit(X, sample_weight=weights).transform(X)
        np.testing.assert_array_equal(X, ROWS)
        np.testing.assert_array_equal(weights, WEIGHTS)

    def test_equal_rows_are_a_convergence_warning(self):
        with pytest.warns(ConvergenceWarning, match=r"clusters \(1\) found smaller") as caught:
            model = fastkm.KMeans(3, random_state=0).fit(np.ones((6, 2)))
        assert caught[0].filename == __file__
        assert model.cluster_centers_.shape == (3, 2)

    def test_one_row_is_one_cluster(self):
        for X in ([[1.0, 2.0]], [[3.0]]):
            model = fastkm.KMeans(1).fit(X)
            np.testing.assert_array_equal(model.cluster_centers_, X)


class TestErrors:
    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"n_clusters": 0}, "n_clusters must be an integer of at least 1, got 0"),
            ({"n_clusters": 2.5}, "n_clusters must be an integer of at least 1, got 2.5"),
            ({"max_iter": 0}, "max_iter must be an integer of at least 1, got 0"),
            ({"n_init": "often"}, "n_init must be 'auto' or an integer of at least 1, got 'often'"),
            ({"n_init": None}, "n_init must be 'auto' or an integer of at least 1, got None"),
            ({"tol": -1.0}, "tol must be a number of at least 0, got -1.0"),
            ({"tol": np.nan}, "tol must be a number of at least 0, got nan"),
            ({"tol": "small"}, "tol must be a number of at least 0, got 'small'"),
            ({"algorithm": "full"}, "algorithm must be one of 'auto', .*'elkan', got 'full'"),
            ({"verbose": -1}, "verbose must be a number of at least 0, got -1"),
            ({"verbose": "much"}, "verbose must be a number of at least 0, got 'much'"),
            (
                {"init": "best"},
                "init must be one of 'k-means.*, a callable or an array, got 'best'",
            ),
            ({"init": START[:2]}, r"init must have shape .* = \(4, 3\), got \(2, 3\)"),
            ({"init": 5}, r"init must have shape .*, got \(\)"),
            ({"init": [["a"] * 3] * 4}, "could not convert string to float"),
            ({"init": START * np.nan}, "init contains NaN"),
            ({"init": lambda X, k, random_state: X[:1]}, r"what init returns must have shape"),
            ({"threads": 0}, "threads must be a positive integer, got 0"),
            ({"random_state": "abc"}, "'abc' cannot be used to seed"),
        ],
    )
    def test_parameters(self, parameters, message):
        model = fastkm.KMeans(**{"n_clusters": 4, **parameters})
        with pytest.raises(ValueError, match=message):
            model.fit(ROWS)

    @pytest.mark.parametrize(
        ("sample_weight", "message"),
        [
            (WEIGHTS[:5], r"sample_weight must be .* shape \(80,\).*, got shape \(5,\)"),
            (WEIGHTS[:, np.newaxis], r"sample_weight must .*, got shape \(80, 1\)"),
            (-WEIGHTS, "sample_weight must not be negative"),
            (np.zeros(80), "sample_weight must be above 0 for at least one row"),
            (0, "sample_weight must be above 0 for at least one row"),
            (WEIGHTS * np.inf, "sample_weight contains"),
        ],
    )
    @pytest.mark.filterwarnings("ignore:invalid value")
    def test_weights(self, sample_weight, message):
        model = fastkm.KMeans(4)
        for X in (ROWS, COLUMN):
            with pytest.raises(ValueError, match=message):
                model.fit(X, sample_weight=sample_weight)

    def test_fewer_rows_than_clusters(self):
        with pytest.raises(ValueError, match="n_samples=3 should be >= n_clusters=8"):
            fastkm.KMeans().fit(ROWS[:3])

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_missing_and_infinite_cells(self, value):
        X = ROWS.copy()
        X[4, 1] = value
        with pytest.raises(ValueError, match=r"NaNs: row 4 .*\(1 such row; leave them out\)"):
            fastkm.KMeans().fit(X)
        model = fastkm.KMeans(2).fit(ROWS)
        for method in (model.predict, model.transform, model.score):
            with pytest.raises(ValueError, match="Input X contains"):
                method(X)

    def test_masked_cells(self):
        masked = np.ma.masked_greater(ROWS, 45)
        described = from_file(xr.DataArray(ROWS.round(), dims=("row", "band")), _FillValue=0.0)
        for X in (masked, described):
            with pytest.raises(ValueError, match="X must not have missing cells, but"):
                fastkm.KMeans().fit(X)

    @pytest.mark.parametrize("kind", [scipy.sparse.csr_array, scipy.sparse.coo_array])
    def test_sparse_matrices(self, kind):
        with pytest.raises(TypeError, match="Sparse data was passed"):
            fastkm.KMeans().fit(kind(ROWS))

    def test_what_is_no_real_number(self):
        with pytest.raises(ValueError, match="Complex data not supported"):
            fastkm.KMeans().fit(ROWS * 1j)
        with pytest.raises(ValueError, match="dtype='numeric' is not compatible"):
            fastkm.KMeans().fit(ROWS.astype(str))
        with pytest.raises(TypeError, match="X must hold real numbers, got datetime64"):
            fastkm.KMeans().fit(ROWS.astype("i8").astype("M8[s]"))

    def test_other_numbers_of_dimensions_and_features(self):
        with pytest.raises(ValueError, match="Expected 2D array, got 1D"):
            fastkm.KMeans().fit(ROWS[:, 0])
        with pytest.raises(ValueError, match="expecting 3 features as input"):
            fastkm.KMeans(2).fit(ROWS).predict(ROWS[:, :2])


def test_no_warning_where_all_is_well():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fastkm.KMeans(4, init=START).fit(ROWS)
        fastkm.KMeans(4).fit(COLUMN)


# Rows of dask.


@pytest.mark.parametrize("columns", [0, 1])
def test_labels_of_lazy_rows_are_lazy(columns):
    rows = ROWS[:, :1] if columns else ROWS
    model = fastkm.KMeans(4, random_state=0).fit(rows)
    array = xr.DataArray(rows, dims=("cell", "band")).chunk({"cell": 33, "band": 2})
    for lazy in (array, array.data):
        labels = model.predict(lazy)
        assert labels.chunks == ((33, 33, 14),)
        assert labels.dtype == np.int32
        np.testing.assert_array_equal(labels.compute(), model.predict(rows))


def test_lazy_rows_are_checked_when_they_are_computed():
    model = fastkm.KMeans(4, random_state=0).fit(ROWS)
    array = from_file(xr.DataArray(ROWS, dims=("cell", "band")).chunk({"cell": 33}))
    with pytest.raises(ValueError, match=r"X must have shape .* 3 features"):
        model.predict(array[:, :2])
    array.attrs["_FillValue"] = ROWS[40, 1]
    with pytest.raises(ValueError, match="1 of a block are masked or missing"):
        model.predict(array).compute()
    with pytest.raises(ValueError, match="NaN"):
        model.predict((array * np.nan).data).compute()
