"""Arrays only, in pixels: contours, distances, and the regions of label maps."""
