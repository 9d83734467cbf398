"""Helpers of every room: validation, CF's rules of missing cells, threads, dask, atomic writes."""
