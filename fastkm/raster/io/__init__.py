"""Read and write one file of netCDF, Zarr or GeoTIFF."""
