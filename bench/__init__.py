"""fastkm beside its rivals: the same work, on the same data, in the same run."""
