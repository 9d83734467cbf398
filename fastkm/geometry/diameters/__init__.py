"""The two points of a set that are farthest apart, in the plane and on the globe."""
