"""The proven optimum in one dimension.

`kmeans1d` reads a `fastkm.cluster.streaming.source` in passes, led by `solver`. `histograms` and
`weighted_histograms` count values by bin, found by `sortable_keys`; `collectors` copy some values.
What they hold becomes `bins`. `pruning` rules cuts out, `tie_breaking` compares what is left
exactly, and `finalize` makes the `result`, which labels (`predict`) and is kept in a file.
"""
