"""Numba kernels, one published algorithm a file; they trust their input, `_check` does not."""
