"""What every room stands on: validation, CF's rules of missing cells, threads, dask blocks, atomic writes."""
