"""k-medians of one-dimensional data: `fastkm.kmeans1d` with the sum of absolute deviations."""
