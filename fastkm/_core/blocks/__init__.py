"""Blocks of dask arrays: computed in order, reduced, here or on the workers of a client."""
