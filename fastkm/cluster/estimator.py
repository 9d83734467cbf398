"""`KMeans`, an estimator that keeps scikit-learn's contract.

Only this module and `fastkm.cluster.estimator_input`, which checks data, need scikit-learn, which is
an extra. Results are returned by scikit-learn's names and in its types. The work is done by
`fastkm.cluster.lloyd.fit`, and for one feature by `fastkm.cluster.estimator_1d`.

*Centers in two precisions.* `cluster_centers_` has the type of the data, as in scikit-learn.
Centers rounded to float32 would give some rows near the border of two clusters another label than
they had in `fit`. So the estimator also keeps the float64 centers, and the breaks if there is one
feature; `predict` uses them as long as `cluster_centers_` are still those of the fit.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from fastkm._core import validation
from fastkm._core.notes import warn_user
from fastkm._core.threads import resolve_thread_count
from fastkm.cluster.estimator_1d import find_optimum, label_by_breaks
from fastkm.cluster.lloyd.fit import STARTS, Fit, assign_rows, fit_rows, measure_distances
from fastkm.cluster.lloyd.iteration import ALGORITHMS
from fastkm.cluster.predict_lazily import find_lazy_rows, predict_lazily

try:
    from sklearn.base import (
        BaseEstimator,
        ClassNamePrefixFeaturesOutMixin,
        ClusterMixin,
        TransformerMixin,
    )
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils import assert_all_finite, check_random_state
    from sklearn.utils.validation import check_is_fitted

    from fastkm.cluster.estimator_input import as_finite_floats, check_rows, check_weights
except ImportError as error:
    raise ImportError(
        "fastkm.KMeans needs scikit-learn 1.6 or later: pip install 'fastkm[sklearn]'"
    ) from error


class KMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):
    """K-means clustering with the interface of `sklearn.cluster.KMeans`.

    For one feature it finds the proven optimum; for several features it runs Lloyd's algorithm,
    like scikit-learn from the same start. It needs scikit-learn:
    ``pip install 'fastkm[sklearn]'``.

    Parameters
    ----------
    n_clusters : int, default: 8
        Number of clusters.
    init : {"k-means++", "random"}, array-like or callable, default: "k-means++"
        Where to start: from rows drawn far apart ("k-means++"), from any rows ("random"), from
        centers of shape (n_clusters, n_features), or from those that ``init(X, n_clusters,
        random_state=...)`` returns; the callable gets X as it came, read-only.
    n_init : int or "auto", default: "auto"
        Number of runs, each from a start of its own; the best is kept. "auto" means 1 for
        "k-means++" and an array, 10 for "random" and a callable.
    max_iter : int, default: 300
        Most iterations of a run.
    tol : float, default: 1e-4
        A run ends when the summed squared movement of the centers is at most `tol` times the mean
        variance of the features, or no row changes its cluster.
    verbose : int, default: 0
        If above 0, `fit` prints how many iterations the best run took, and its inertia.
    random_state : int, RandomState instance or None, default: None
        Draws the starts; an int gives the same result each time.
    copy_x : bool, default: True
        Taken for scikit-learn's sake and without effect: X is neither copied nor changed.
    algorithm : {"auto", "lloyd", "elkan", "bounded", "blas"}, default: "auto"
        How to compute: by all distances ("lloyd"), by bounds that save most of them ("bounded", or
        by scikit-learn's name "elkan"), or by matrix products ("blas"). All give the same result,
        and "auto" chooses the one that should be fastest; for one feature
        and an `init` given by name it finds the proven optimum, which needs no start.
    threads : int, optional
        Threads to use; by default as many as the process may. They change no bit of the result.

    Attributes
    ----------
    cluster_centers_ : (n_clusters, n_features) array
        Means of the clusters: float32 if X is, otherwise float64. Ascending if they are the proven
        optimum (see `algorithm`).
    labels_ : (n_samples,) int32 array
        Cluster of each row: ``predict(X)``.
    inertia_ : float
        (Weighted) sum of squared distances of the rows to their centers.
    n_iter_ : int
        Iterations of the best run; 1 for the proven optimum.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : (n_features,) array of str
        Their names, if X has names that are all strings.

    See Also
    --------
    fastkm.kmeans1d : The optimum of one feature, for several k at once, with reports and files.
    fastkm.cluster_raster : Clusters of bands that do not fit in memory.
    fastkm.kmeans : The function of scipy's name and signature.

    Notes
    -----
    Differences from `sklearn.cluster.KMeans`:

    - One feature gets the proven optimum, whatever `n_init`, `max_iter`, `tol` and `random_state`
      are; ``algorithm="lloyd"`` runs Lloyd's algorithm [1]_ instead.
    - Sums are float64 whatever the type of X, and distances are computed from differences, not from
      an expanded square: float32 data far from 0 loses no digits. From the same array of centers,
      results agree with scikit-learn's except for rounding; a row that is equally near to two
      centers belongs to the first. Draws differ, so the same `random_state` may find another local
      optimum.
    - Partial sums over chunks of rows are added in the order of the chunks: any number of threads
      gives the same bits.
    - X is not copied, in C or in Fortran order; integers are converted chunk by chunk.
    - Masked cells, and cells that are missing by a `DataArray`'s attributes, are refused like NaN;
      so are negative sample weights and sparse matrices.
    - If one feature has fewer distinct values than `n_clusters`, each value is a cluster, and the
      remaining centers repeat the last one.
    - There is no `partial_fit`, whose clusters would depend on the order of the batches. Data that
      does not fit in memory is read in few passes instead, and its sums are exact: several features
      by `fastkm.cluster_raster` of a lazy raster, one feature by `fastkm.kmeans1d` of a dask array
      or a function that returns chunks. `predict` takes dask arrays.

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
        verbose: int = 0,
        random_state: Any = None,
        copy_x: bool = True,
        algorithm: str = "auto",
        threads: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.copy_x = copy_x
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
            If a parameter or a shape is wrong, X has fewer rows than there are clusters, cells are
            missing or infinite or their squares overflow, or weights are negative, not finite or
            all 0.
        TypeError
            If X is sparse or does not hold real numbers.

        Warns
        -----
        ConvergenceWarning
            If fewer distinct clusters than `n_clusters` are found.
        RuntimeWarning
            If `n_init` asks for several runs and `init` is one array.
        """
        self._check_parameters()
        rng = check_random_state(self.random_state)
        rows = check_rows(self, X, reset=True, finite=False)  # fit_rows checks that
        if len(rows) < self.n_clusters:
            raise ValueError(
                f"n_samples={len(rows)} should be >= n_clusters={self.n_clusters}: X must have at "
                "least as many rows as there are clusters"
            )
        weights = check_weights(sample_weight, len(rows))
        if rows.shape[1] == 1 and self.algorithm == "auto" and isinstance(self.init, str):
            assert_all_finite(rows, input_name="X")  # kmeans1d would leave out NaN
            found, breaks = find_optimum(
                rows[:, 0], int(self.n_clusters), weights=weights, threads=self.threads
            )
        else:
            found, breaks = self._fit_lloyd(rows, weights, rng), None
        self._store_fit(found, breaks, np.float32 if rows.dtype == np.float32 else np.float64)
        if self.verbose:
            how = "proven optimum" if breaks is not None else f"{self.n_iter_} iterations"
            print(f"{type(self).__name__}: {how}, inertia {self.inertia_:.6g}")  # noqa: T201
        return self

    @property
    def partial_fit(self) -> Any:
        """Absent: the clusters of batches depend on their order; see Notes for what to use instead."""
        raise AttributeError(
            f"{type(self).__name__} has no partial_fit, whose clusters would depend on the order of "
            "batches: cluster data that does not fit in memory by fastkm.cluster_raster of a lazy "
            "raster or, for one feature, by fastkm.kmeans1d of a dask array or of chunks"
        )

    def predict(self, X: Any) -> Any:
        """Find the nearest center of each row.

        Parameters
        ----------
        X : (n_samples, n_features) array-like
            As for `fit`, or an array of dask, or a `DataArray` of one.

        Returns
        -------
        (n_samples,) int32 array
            Index of the nearest center, the lowest if several are equally near. It is an array of
            dask if X is lazy; then rows are checked when it is computed.
        """
        check_is_fitted(self)
        lazy = find_lazy_rows(X)
        if lazy is not None:
            return predict_lazily(lazy, self.n_features_in_, self.predict)
        rows = check_rows(self, X, reset=False)
        if self._breaks is not None and self._has_fitted_centers():
            return label_by_breaks(rows[:, 0], self._breaks, threads=self.threads)
        return assign_rows(rows, self._float64_centers(), threads=self.threads).labels

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> np.ndarray:
        """Find the clusters of the rows of X as `fit` does; return `labels_`, (n_samples,) int32."""
        return self.fit(X, y, sample_weight=sample_weight).labels_

    def transform(self, X: Any) -> np.ndarray:
        """Measure the distance of each row to each center.

        Parameters
        ----------
        X : (n_samples, n_features) array-like
            As for `fit`.

        Returns
        -------
        (n_samples, n_clusters) array
            Euclidean distances: float32 if X is, otherwise float64.
        """
        check_is_fitted(self)
        rows = check_rows(self, X, reset=False)
        return measure_distances(rows, self._float64_centers(), threads=self.threads)

    def fit_transform(self, X: Any, y: Any = None, sample_weight: Any = None) -> np.ndarray:
        """Find the clusters of the rows of X as `fit` does; return ``transform(X)``."""
        return self.fit(X, y, sample_weight=sample_weight).transform(X)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:  # noqa: ARG002
        """Return minus the inertia of X: the greater, the better the centers fit.

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
        rows = check_rows(self, X, reset=False)
        weights = check_weights(sample_weight, len(rows))
        found = assign_rows(rows, self._float64_centers(), weights=weights, threads=self.threads)
        return -found.inertia

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _check_parameters(self) -> None:
        """Check all parameters that do not depend on the data."""
        validation.require_count("n_clusters", self.n_clusters)
        validation.require_count("max_iter", self.max_iter)
        if not isinstance(self.n_init, str) or self.n_init != "auto":
            validation.require_count("n_init", self.n_init, or_else="'auto' or ")
        validation.require_number("tol", self.tol)
        validation.require_choice("algorithm", self.algorithm, (*ALGORITHMS, "elkan"))
        validation.require_number("verbose", self.verbose)
        if isinstance(self.init, str):
            validation.require_choice("init", self.init, STARTS, or_else=", a callable or an array")
        resolve_thread_count(self.threads)

    def _fit_lloyd(
        self, rows: np.ndarray, weights: np.ndarray | None, rng: np.random.RandomState
    ) -> Fit:
        """Run Lloyd's algorithm from one or several starts: only one if `init` is an array."""
        init, n_init = self.init, self.n_init
        if not (isinstance(init, str) or callable(init)):
            init, n_init = as_finite_floats("init", init), 1
            if self.n_init not in ("auto", 1):
                warn_user(
                    "Explicit initial center position passed: performing only one init in "
                    f"{type(self).__name__} instead of n_init={self.n_init}.",
                    RuntimeWarning,
                )
        return fit_rows(
            rows,
            int(self.n_clusters),
            init=init,
            n_init=n_init,
            max_iter=int(self.max_iter),
            tol=float(self.tol),
            rng=rng,
            weights=weights,
            algorithm="bounded" if self.algorithm == "elkan" else self.algorithm,
            threads=self.threads,
        )

    def _store_fit(self, found: Fit, breaks: np.ndarray | None, dtype: Any) -> None:
        """Set the fitted attributes; warn the caller of `fit` if clusters are empty."""
        self._breaks = breaks
        self._centroids64 = found.centroids
        self.cluster_centers_ = found.centroids.astype(dtype)
        self._n_features_out = len(self.cluster_centers_)
        self.labels_ = found.labels
        self.inertia_ = found.inertia
        self.n_iter_ = found.iterations
        # often the first rows already show that no cluster is empty
        distinct = len(np.unique(found.labels[:4096]))
        if distinct < self.n_clusters:
            distinct = int(np.count_nonzero(np.bincount(found.labels)))
        if distinct < self.n_clusters:
            warn_user(
                f"Number of distinct clusters ({distinct}) found smaller than n_clusters "
                f"({self.n_clusters}). Possibly due to duplicate points in X.",
                ConvergenceWarning,
            )

    def _has_fitted_centers(self) -> bool:
        """Return True if `cluster_centers_` are those of `fit`; a user may have set others."""
        ours = self._centroids64.astype(self.cluster_centers_.dtype)
        return np.array_equal(ours, self.cluster_centers_)

    def _float64_centers(self) -> np.ndarray:
        """Return the centers in float64, as before they were rounded to the type of the data."""
        if self._has_fitted_centers():
            return self._centroids64
        return np.asarray(self.cluster_centers_, np.float64)
