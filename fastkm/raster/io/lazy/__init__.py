"""Rasters of one file that are read block by block, when their numbers are needed."""
