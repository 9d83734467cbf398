"""How many clusters: `choose_k` and its criteria, for one feature and for several."""
