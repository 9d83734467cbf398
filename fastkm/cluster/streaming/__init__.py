"""Values of any kind, read pass after pass, chunk by chunk, here or on dask's workers."""
