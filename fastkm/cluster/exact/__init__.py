"""The proven optimum in one dimension.

`kmeans1d` reads a `fastkm.cluster.streaming.source.Source` in passes, led by `solver`. The three
histograms (`histograms`, `key_histograms`, `weighted_histograms`) count values in `bins`, which are
ranges of `sortable_keys`; `collectors` copy some values. `pruning` and `priced_bounds` rule cuts
out, `precise_costs` and `tie_breaking` compare those that are left, and `finalize` makes the
`result`, which labels values (`predict`).
"""
