"""Which cuts between values can be optimal: what rules the others out, and what compares the rest."""
