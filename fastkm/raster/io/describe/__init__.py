"""What a file holds: grids, from its metadata alone, and variables with statistics of their values."""
