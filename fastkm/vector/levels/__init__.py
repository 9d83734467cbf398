"""Isolines and the bands between them, with coordinates and a reference system."""
