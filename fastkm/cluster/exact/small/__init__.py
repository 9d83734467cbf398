"""The short way of `kmeans1d`, for plain arrays that are small enough to sort."""
