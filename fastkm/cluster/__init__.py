"""Clusters: scipy's four functions, the optimum in one dimension, k-means of rows, choosing k.

========== ==============================================================================
exact      `kmeans1d`: the proven optimum in one dimension, its result and codebook files
lloyd      k-means of rows in several dimensions, in memory and block by block
vq         the functions of ``scipy.cluster.vq``, name for name
streaming  values of any kind, read pass after pass in chunks
selection  `choose_k`: four criteria for the number of clusters
========== ==============================================================================

`estimator` is scikit-learn's contract around `lloyd`, and around `exact` for one feature
(`estimator_1d`). scikit-learn is an extra, so nothing imports it from here.
"""
