"""Sample rasters that are always there: generated months of water vapour over the oceans."""
