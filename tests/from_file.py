"""Arrays as xarray gives them when it has read a file."""


def from_file(array, **attrs):
    """Return an array with the encoding, and perhaps attributes, of one that has just been read."""
    read = array.copy()
    read.attrs.update(attrs)
    read.encoding = {"dtype": array.dtype, **array.encoding}
    return read
