"""Clusters: scipy's four functions, the optimum in one dimension, k-means of rows, choosing k.

========== ==============================================================================
exact      `kmeans1d`: the proven optimum in one dimension, and its result
lloyd      k-means of rows in several dimensions, in memory and block by block
vq         the functions of ``scipy.cluster.vq``, name for name
streaming  values of any kind, read pass after pass in chunks
selection  `choose_k`: four criteria for the number of clusters
========== ==============================================================================

`codebook` and `codebook_file` say what every codebook can do, and keep it in a file.
`diagnostics` describes clusters. `estimator` wraps `lloyd`, and for one feature `exact`
(`estimator_1d`), in scikit-learn's interface; scikit-learn is an extra, so no other module imports
`estimator`.
"""

from typing import TYPE_CHECKING

from fastkm._core.renamed import make_getattr

if not TYPE_CHECKING:  # otherwise type checkers would take any name for one of these
    __getattr__ = make_getattr(__name__)
