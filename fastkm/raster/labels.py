"""Label maps: a raster's clusters as a raster, with the attributes that CF gives to classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from fastkm.raster.grid.crs import carry_crs

if TYPE_CHECKING:
    import xarray as xr

    from fastkm.cluster.codebook import Codebook


def label_raster(
    raster: xr.DataArray | xr.Dataset, codebook: Codebook, *, with_inertia: bool = True
) -> xr.DataArray:
    """Label the cells of a raster by cluster; missing cells get -1.

    The labels are the narrowest signed integers, named ``cluster``, with ``flag_values``,
    ``flag_meanings``, the centroids, and the coordinates of the raster. With `with_inertia` they
    have the inertia of the codebook, if it knows it, as an attribute: it is that of the raster in
    which the clusters were found, and of no other.

    Examples
    --------
    >>> import fastkm, xarray as xr
    >>> raster = xr.DataArray([[1.0, 2.0], [8.0, 9.0]], attrs={"units": "kg m-2"})
    >>> labels = label_raster(raster, fastkm.kmeans1d(raster, 2))
    >>> labels.values.tolist(), labels.attrs["flag_meanings"]
    ([[0, 0], [1, 1]], 'around_1.5_kg_m-2 around_8.5_kg_m-2')
    """
    labels: xr.DataArray = codebook.predict(raster)
    labels.name, labels.attrs = "cluster", codebook.describe(raster)
    if with_inertia and codebook.inertia is not None:
        labels.attrs["inertia"] = codebook.inertia
    if codebook.names:  # its labels name their reference system already
        return labels
    return carry_crs(cast("xr.DataArray", raster), labels)
