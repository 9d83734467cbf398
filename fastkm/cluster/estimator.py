"""`KMeans`, scikit-learn's estimator: its contract around fastkm's engines.

The only module that needs scikit-learn, which is an extra. Here parameters and data are checked,
by scikit-learn's own checks where it has them, and results get the names and types that
scikit-learn gives them; the work is done by `fastkm.cluster.lloyd.fit`, and for one feature by
`fastkm.cluster.estimator_1d`.

*Centers in two precisions.* `cluster_centers_` has the type of the data, as scikit-learn has it,
and centers rounded to float32 would give some rows near the border of two clusters another label
than they had in `fit`. So the float64 centers are remembered, and the breaks where there is one
feature; `predict` goes by them as long as `cluster_centers_` are the ones that they belong to.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from numbers import Number
from typing import Any, Self

import numpy as np

from fastkm._core import validation
from fastkm._core.threads import thread_count
from fastkm.cluster.estimator_1d import between, optimum
from fastkm.cluster.lloyd.fit import STARTS, Fit, distances, fit_rows, nearest_rows
from fastkm.cluster.lloyd.iteration import ALGORITHMS

try:
    from sklearn.base import (
        BaseEstimator,
        ClassNamePrefixFeaturesOutMixin,
        ClusterMixin,
        TransformerMixin,
    )
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils import assert_all_finite, check_array, check_random_state
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(
        "fastkm.KMeans needs scikit-learn 1.6 or later: pip install 'fastkm[sklearn]'"
    ) from error

__all__ = ["KMeans"]


class KMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):
    """K-means clustering, in place of scikit-learn's estimator.

    Of one feature it finds the proven optimum, of several what Lloyd's algorithm finds, as
    scikit-learn does from the same start. Needs it: ``pip install 'fastkm[sklearn]'``.

    Parameters
    ----------
    n_clusters : int, default: 8
        Number of clusters.
    init : {"k-means++", "random"}, (n_clusters, n_features) array-like or callable
        Where to start: from rows drawn far apart ("k-means++", the default) or anyhow
        ("random"), from these centers, or from those that ``init(X, n_clusters,
        random_state=...)`` returns, which sees X as it came, read-only.
    n_init : int or "auto", default: "auto"
        Runs, each from a start of its own; the best counts. "auto" means 1 for "k-means++" and
        an array, 10 for "random" and a callable.
    max_iter : int, default: 300
        Iterations of a run at most.
    tol : float, default: 1e-4
        A run ends where the squared movement of the centers, summed, is at most `tol` times the
        mean variance of the features, or no row changes its cluster.
    random_state : int, RandomState instance or None, default: None
        Draws the starts; an int gives the same result each time.
    algorithm : {"auto", "lloyd", "bounded", "blas"}, default: "auto"
        How to compute it: by all distances, by bounds that spare most of them, or by matrix
        products. They give the same answer, and "auto" chooses the one that should be quickest;
        for one feature and an `init` given by name, the proven optimum, which needs no start.
    threads : int, optional
        Threads to use; by default as many as the process may. They change no bit of the result.

    Attributes
    ----------
    cluster_centers_ : (n_clusters, n_features) array
        Means of the clusters: float32 where X is, otherwise float64. Of an optimum (see
        `algorithm`) ascending.
    labels_ : (n_samples,) int32 array
        Cluster of each row: ``predict(X)``.
    inertia_ : float
        (Weighted) sum of squared distances of the rows to their centers.
    n_iter_ : int
        Iterations of the best run; 1 where it is the proven optimum.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : (n_features,) array of str
        Their names, where X has names that are all strings.

    See Also
    --------
    fastkm.kmeans1d : The optimum of one feature, for several k at once, with reports and files.
    fastkm.kmeans : In place of scipy's function of this name.

    Notes
    -----
    What differs from `sklearn.cluster.KMeans`:

    - One feature gets the proven optimum, whatever `n_init`, `max_iter`, `tol` and
      `random_state`; ``algorithm="lloyd"`` runs Lloyd's algorithm all the same.
    - Sums are float64 whatever the type of X, and distances differences, not an expanded square:
      float32 data far from 0 loses no digits. From the same array results agree with
      scikit-learn's to rounding; a row that is equally near to two centers, which rounding
      decides there, belongs to the first. Draws differ, so from a `random_state` alone another
      local optimum may be found.
    - Partial sums over chunks of rows are added in the order of the chunks: any number of threads
      gives the same bits.
    - X is not copied, be it in C or Fortran order; integers are converted block by block.
    - Masked cells, and cells that a `DataArray`'s attributes make missing, are refused as NaN is.
    - Negative sample weights are refused. Sparse matrices are, too.
    - Values of one feature that are fewer than the clusters become a cluster each, and the centers
      that are left over repeat the last one.
    - There is no `verbose` and no `copy_x`, and `algorithm` has no "elkan": "bounded" is in its
      place.

    References
    ----------
    .. [1] Lloyd, S. P. (1982). Least squares quantization in PCM. IEEE Transactions on
       Information Theory 28(2), 129-137.
    .. [2] Arthur, D. & Vassilvitskii, S. (2007). k-means++: the advantages of careful seeding.
       SODA 2007, 1027-1035.
    .. [3] Wang, H. & Song, M. (2011). Ckmeans.1d.dp: optimal k-means clustering in one
       dimension by dynamic programming. The R Journal 3(2), 29-33.

    Examples
    --------
    >>> import numpy as np
    >>> import fastkm
    >>> X = np.array([[1, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
    >>> model = fastkm.KMeans(2, init=[[0, 0], [9, 9]]).fit(X)
    >>> model.labels_
    array([0, 0, 0, 1, 1, 1], dtype=int32)
    >>> model.cluster_centers_
    array([[ 1.,  2.],
           [10.,  2.]])
    >>> model.inertia_
    16.0
    >>> model.predict([[0, 0], [12, 3]])
    array([0, 1], dtype=int32)
    >>> fastkm.KMeans(2).fit([[1.0], [2.0], [8.0], [9.0]]).cluster_centers_.ravel()
    array([1.5, 8.5])
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "k-means++",
        n_init: int | str = "auto",
        max_iter: int = 300,
        tol: float = 1e-4,
        random_state: Any = None,
        algorithm: str = "auto",
        threads: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.algorithm = algorithm
        self.threads = threads

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:  # noqa: ARG002
        """Find the clusters of the rows of X.

        Parameters
        ----------
        X : (n_samples, n_features) array-like
            Real and finite numbers, dense, of any type and order.
        y : ignored
            For pipelines.
        sample_weight : (n_samples,) array-like or float, optional
            Weights of the rows, not negative. Starts are drawn by weight, too.

        Returns
        -------
        KMeans
            The estimator itself.

        Raises
        ------
        ValueError
            If a parameter or a shape is wrong, X has fewer rows than there are clusters or
            missing or infinite cells or such whose squares overflow, or weights are negative, not
            finite, or all 0.
        TypeError
            If X is sparse or does not hold real numbers.

        Warns
        -----
        ConvergenceWarning
            If fewer distinct clusters than `n_clusters` are found.
        RuntimeWarning
            If several runs are asked for from one array.
        """
        self._check_parameters()
        rng = check_random_state(self.random_state)
        rows = _numbers(self, X, reset=True, finite=False)  # the engines look themselves
        if len(rows) < self.n_clusters:
            raise ValueError(
                f"n_samples={len(rows)} should be >= n_clusters={self.n_clusters}: X must have at "
                "least as many rows as there are clusters"
            )
        weights = _weights(sample_weight, len(rows))
        if self._finds_optimum(rows.shape[1]):
            assert_all_finite(rows, input_name="X")  # NaN would be left out
            found, breaks = optimum(
                rows[:, 0], int(self.n_clusters), weights=weights, threads=self.threads
            )
        else:
            found, breaks = self._iterated(rows, weights, rng), None
        self._keep(found, breaks, np.float32 if rows.dtype == np.float32 else np.float64)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Find the nearest center of each row.

        Parameters
        ----------
        X : (n_samples, n_features) array-like
            As for `fit`.

        Returns
        -------
        (n_samples,) int32 array
            Index of the center, the lowest of equally near ones.
        """
        check_is_fitted(self)
        rows = _numbers(self, X, reset=False)
        if self._breaks is not None and self._is_as_fitted():
            return between(rows[:, 0], self._breaks, threads=self.threads)
        return nearest_rows(rows, self._centroids(), threads=self.threads).labels

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> np.ndarray:
        """Fit, and give `labels_`.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        (n_samples,) int32 array
            Index of each row's cluster.
        """
        return self.fit(X, y, sample_weight=sample_weight).labels_

    def transform(self, X: Any) -> np.ndarray:
        """Measure how far each row is from each center.

        Parameters
        ----------
        X : (n_samples, n_features) array-like
            As for `fit`.

        Returns
        -------
        (n_samples, n_clusters) array
            Euclidean distances: float32 where X is, otherwise float64.
        """
        check_is_fitted(self)
        rows = _numbers(self, X, reset=False)
        return distances(rows, self._centroids(), threads=self.threads)

    def fit_transform(self, X: Any, y: Any = None, sample_weight: Any = None) -> np.ndarray:
        """Fit, and measure how far each row is from each center.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        (n_samples, n_clusters) array
            As of `transform`.
        """
        return self.fit(X, y, sample_weight=sample_weight).transform(X)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:  # noqa: ARG002
        """Give minus the inertia of X: the greater, the better the centers fit.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        float
            Minus the (weighted) sum of squared distances to the nearest centers.
        """
        check_is_fitted(self)
        rows = _numbers(self, X, reset=False)
        weights = _weights(sample_weight, len(rows))
        found = nearest_rows(rows, self._centroids(), weights=weights, threads=self.threads)
        return -found.inertia

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _check_parameters(self) -> None:
        """Raise unless all parameters that do not depend on the data are right."""
        validation.require_count("n_clusters", self.n_clusters)
        validation.require_count("max_iter", self.max_iter)
        if not isinstance(self.n_init, str) or self.n_init != "auto":
            validation.require_count("n_init", self.n_init, or_else="'auto' or ")
        validation.require_number("tol", self.tol)
        validation.require_choice("algorithm", self.algorithm, ALGORITHMS)
        if isinstance(self.init, str):
            validation.require_choice("init", self.init, STARTS, or_else=", a callable or an array")
        thread_count(self.threads)

    def _finds_optimum(self, features: int) -> bool:
        return features == 1 and self.algorithm == "auto" and isinstance(self.init, str)

    def _iterated(
        self, rows: np.ndarray, weights: np.ndarray | None, rng: np.random.RandomState
    ) -> Fit:
        """Run Lloyd's algorithm from one or several starts."""
        init = self._start(rows.shape[1])
        return fit_rows(
            rows,
            int(self.n_clusters),
            init=init,
            n_init=self._runs(init),
            max_iter=int(self.max_iter),
            tol=float(self.tol),
            rng=rng,
            weights=weights,
            algorithm=self.algorithm,
            threads=self.threads,
        )

    def _start(self, features: int) -> str | np.ndarray | Callable[..., np.ndarray]:
        """Give `init` as the engine takes it: what is not a name is checked, now or when called."""
        shape = (self.n_clusters, features)
        init = self.init
        if isinstance(init, str):
            return init
        if not callable(init):
            return _centers(init, shape, "init")

        def start(rows: np.ndarray, k: int, random_state: Any) -> np.ndarray:
            shown = rows.view()
            shown.flags.writeable = False
            return _centers(init(shown, k, random_state=random_state), shape, "what init returns")

        return start

    def _runs(self, init: Any) -> int | str:
        """Tell how many runs to make: from one array, one."""
        if not isinstance(init, np.ndarray):
            return self.n_init
        if self.n_init not in ("auto", 1):
            warnings.warn(
                "Explicit initial center position passed: performing only one init in "
                f"{type(self).__name__} instead of n_init={self.n_init}.",
                RuntimeWarning,
                stacklevel=4,
            )
        return 1

    def _keep(self, found: Fit, breaks: np.ndarray | None, dtype: Any) -> None:
        """Set what `fit` leaves, and warn, from its caller, of clusters that nothing is in."""
        self._breaks = breaks
        self._centroids64 = found.centroids
        self.cluster_centers_ = found.centroids.astype(dtype)
        self._n_features_out = len(self.cluster_centers_)
        self.labels_ = found.labels
        self.inertia_ = found.inertia
        self.n_iter_ = found.iterations
        distinct = _distinct(found.labels, int(self.n_clusters))
        if distinct < self.n_clusters:
            warnings.warn(
                f"Number of distinct clusters ({distinct}) found smaller than n_clusters "
                f"({self.n_clusters}). Possibly due to duplicate points in X.",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _is_as_fitted(self) -> bool:
        """Tell whether `cluster_centers_` are still those of `fit`; one may set others."""
        ours = self._centroids64.astype(self.cluster_centers_.dtype)
        return np.array_equal(ours, self.cluster_centers_)

    def _centroids(self) -> np.ndarray:
        """Give the centers as float64, before they were rounded to the type of the data."""
        if self._is_as_fitted():
            return self._centroids64
        return np.asarray(self.cluster_centers_, np.float64)


def _distinct(labels: np.ndarray, k: int) -> int:
    """Count the clusters that have rows; most often the first rows show that all have."""
    if len(np.unique(labels[:4096])) == k:
        return k
    return int(np.count_nonzero(np.bincount(labels, minlength=k)))


def _numbers(estimator: KMeans, X: Any, *, reset: bool, finite: bool = True) -> np.ndarray:
    """Check data by scikit-learn's rules; what is an array of numbers stays as it is, uncopied."""
    rows = validate_data(
        estimator,
        validation.unmasked(X, "X"),
        reset=reset,
        dtype="numeric",
        order=None,
        ensure_all_finite=finite,
    )
    if rows.dtype.kind not in "biuf":
        raise TypeError(f"X must hold real numbers, got {rows.dtype}")
    return rows.astype(np.float64) if rows.dtype.itemsize > 8 else rows


def _weights(sample_weight: Any, n: int) -> np.ndarray | None:
    """Check weights of n rows: None, one for all, or one each."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Number):
        sample_weight = np.full(n, sample_weight)
    weights = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weights.shape != (n,):
        raise ValueError(
            f"sample_weight must be a number or have shape ({n},), one weight a row, got shape "
            f"{weights.shape}"
        )
    if weights.min() < 0:
        raise ValueError(f"sample_weight must not be negative, got {weights.min():g}")
    if not weights.any():
        raise ValueError("sample_weight must be above 0 for at least one row, got zeros only")
    return weights


def _centers(given: Any, shape: tuple[int, int], name: str) -> np.ndarray:
    """Check initial centers."""
    if np.shape(given) != shape:
        raise ValueError(
            f"{name} must have shape (n_clusters, n_features) = {shape}, got {np.shape(given)}"
        )
    return check_array(given, dtype=np.float64, input_name=name)
