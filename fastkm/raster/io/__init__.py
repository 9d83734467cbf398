"""One file: netCDF, Zarr and GeoTIFF, read with every missing cell missing, and written whole."""
