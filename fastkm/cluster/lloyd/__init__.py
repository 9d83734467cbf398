"""Lloyd's algorithm for rows of several features, in memory and block by block."""
