"""Rasters larger than memory: each kind of work, its rivals, its peak, and what more cells would take."""
