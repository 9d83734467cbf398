"""GeoTIFF files: what their directories say, how they are read, and how labels are written."""
