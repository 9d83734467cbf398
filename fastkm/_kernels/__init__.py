"""Numba kernels, one published algorithm a file.

Kernels trust their input: `fastkm._core.validation` checks it. A docstring lists arrays as
``name: shape type IN``, ``OUT`` or ``INOUT``; what all kernels of a file share is at its head.
"""
