"""Where panels and maps lie on the globe, and the projections that they are drawn in."""
