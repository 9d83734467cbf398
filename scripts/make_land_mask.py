"""Rasterise land polygons to the 1 degree mask that the embedded sample stands on.

``fastkm/datasets/land_1deg.npz`` is the output of this script for Natural Earth's 1:110m countries
(public domain; https://www.naturalearthdata.com), which several Python packages ship as
``naturalearth_lowres``. The file was made once and is kept in the package, so that the sample needs
neither the polygons nor a reader for them::

    python scripts/make_land_mask.py naturalearth_lowres.shp fastkm/datasets/land_1deg.npz

A cell is land if its centre lies in a polygon. The cells along Panama are land too: the isthmus is
narrower than a cell, so the centres alone would leave a gap in it and join regions of two oceans. Row 0 is the
southernmost, centred on 89.5 S; column 0 is centred on 0.5 E. The file holds one array, ``land``:
uint8, (180, 45), each row's 360 cells as bits, the first cell in the highest bit
(``numpy.packbits``).
"""

from __future__ import annotations

import argparse

import numpy as np
import pyogrio
import shapely

PANAMA = shapely.box(-83, 8, -77, 10)


def make_land_mask(path: str) -> np.ndarray:
    """Return which cells of the 1 degree grid have their centre on the polygons of a file.

    Parameters
    ----------
    path : str
        A polygon file in longitude -180 … 180 and latitude.

    Returns
    -------
    ndarray of bool, (180, 360)
        South first, from Greenwich eastwards.

    Raises
    ------
    ValueError
        If the southernmost row is not all land: Antarctica's polygon stops short of the pole.
    """
    polygons = pyogrio.read_dataframe(path, columns=[]).geometry.to_numpy()
    land = shapely.union_all([*polygons, PANAMA])
    shapely.prepare(land)
    # The file runs from -180 to 180, the grid from 0 to 360.
    longitude = (np.arange(360) + 180.5) % 360 - 180
    latitude = np.arange(180) - 89.5
    mask = shapely.contains_xy(land, *np.meshgrid(longitude, latitude))
    if not mask[0].all():
        raise ValueError(
            f"{path}: expected land at the South Pole, got {mask[0].sum()} of 360 cells"
        )
    return mask


def main() -> None:
    """Read the two paths from the command line, and write the mask."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shapefile", help="land polygons, longitude -180 to 180")
    parser.add_argument("out", help="the .npz to write")
    arguments = parser.parse_args()
    mask = make_land_mask(arguments.shapefile)
    np.savez_compressed(arguments.out, land=np.packbits(mask, axis=1))
    print(f"{arguments.out}: {mask.sum()} of {mask.size} cells are land")


if __name__ == "__main__":
    main()
