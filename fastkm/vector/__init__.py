"""Polygons with coordinates and a reference system: outlines of clusters, and files of them."""
