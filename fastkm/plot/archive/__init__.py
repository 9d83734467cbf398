"""Figures of archives: areas through time, and where the highest cluster is."""
