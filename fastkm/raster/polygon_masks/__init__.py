"""Masks from polygons: reading their file, and finding the cells of a raster that lie in them."""
