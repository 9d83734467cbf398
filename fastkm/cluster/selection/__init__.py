"""How many clusters: the criteria of `choose_k`, for one dimension and for several."""
