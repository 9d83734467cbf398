"""Numba kernels, one published algorithm a file; they trust their input, `fastkm._core.validation` does not."""
