"""Which cells of a lattice lie in polygons, by their centres or by the share of their area.

Polygons are edges with the region on their left. A line of a constant y that runs through them from
the left counts one more where it crosses an edge that leads down, and one less where an edge leads up:
the winding number (Foley et al. 1990, section 3.6). It is 0 outside. Windings of several polygons add
up, so no polygon has to be joined to another before, and holes, whose edges run the other way, need no
special case. The numbers are written down where they change, a cell each, and summed along the rows:
the work is that of the crossings, and of one pass over the cells, however many polygons there are.

The share of a cell is the same sum over all lines that run through it. Edges are cut at the lines
between rows and between columns. What an edge then adds to the cell in which it lies is the area on
its right, and to each cell beyond its height, both again as changes along the row. Fonts are drawn so
(Levien 2016). Shares of polygons that overlap would add up, so these must not.

An edge belongs to its lower end and not to its upper one, and a cell whose centre lies on the boundary
to the polygon on its right or above it. So each centre lies in exactly one of polygons that tile.

Foley, J. D. et al. (1990). Computer graphics: principles and practice, 2nd ed. Addison-Wesley.
Levien, R. (2016). Inside the fastest font renderer in the world.
"""

from __future__ import annotations

import numpy as np


def fill_by_centre(edges: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return which points of a lattice lie in polygons, (rows, columns) bool.

    Parameters
    ----------
    edges : (n, 4) float64 array
        Start and end, (x, y, x, y), with the region on the left.
    y, x : (rows,) and (columns,) float64 array
        Coordinates of rows and of columns, ascending.

    Examples
    --------
    >>> square = np.array([[1, 1, 3, 1], [3, 1, 3, 3], [3, 3, 1, 3], [1, 3, 1, 1.0]])
    >>> fill_by_centre(square, np.array([0.0, 1, 2]), np.array([0.0, 1, 2, 3])).astype(int).tolist()
    [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0]]
    """
    # from the lower end: two polygons that share an edge have the same crossings
    low, high, sign = _point_up(edges)
    which, row = _find_crossings(low[:, 1], high[:, 1], y)
    low, high = low[which], high[which]
    share = (y[row] - low[:, 1]) / (high[:, 1] - low[:, 1])
    column = np.searchsorted(x, low[:, 0] + share * (high[:, 0] - low[:, 0]))
    windings = np.zeros((len(y), len(x) + 1), np.int32)
    np.add.at(windings, (row, column), sign[which])
    return np.cumsum(windings, axis=1, out=windings)[:, :-1] != 0


def measure_shares(edges: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the share of each cell that lies in polygons, (rows, columns) float64.

    Parameters
    ----------
    edges : (n, 4) float64 array
        As for `fill_by_centre`, of polygons that do not overlap.
    y, x : (rows + 1,) and (columns + 1,) float64 array
        Coordinates of the lines between the cells and around them, ascending.

    Examples
    --------
    >>> square = np.array([[1, 1, 3, 1], [3, 1, 3, 3], [3, 3, 1, 3], [1, 3, 1, 1.0]])
    >>> measure_shares(square, np.array([0.0, 2, 4]), np.array([0.0, 2, 4])).tolist()
    [[0.25, 0.25], [0.25, 0.25]]
    """
    pieces = _cut_at_lines(edges, y, x)
    row, column = (
        np.searchsorted(lines, pieces[:, axis::2].mean(axis=1), side="right") - 1
        for lines, axis in ((y, 1), (x, 0))
    )
    inside = (
        (row >= 0) & (row < len(y) - 1) & (column < len(x) - 1)
    )  # beyond, nothing is on its right
    pieces, row, column = pieces[inside], row[inside], column[inside]
    height = (pieces[:, 1] - pieces[:, 3]) / (y[row + 1] - y[row])
    left = np.maximum(column, 0)  # all of the row is on the right of what is left of it
    middle = (pieces[:, 0] + pieces[:, 2]) / 2
    share = np.where(column < 0, 0.0, (middle - x[left]) / (x[left + 1] - x[left]))
    changes = np.zeros((len(y) - 1, len(x)))
    np.add.at(changes, (row, left), height * (1 - share))
    np.add.at(changes, (row, left + 1), height * share)
    return np.cumsum(changes, axis=1, out=changes)[:, :-1]


def _point_up(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the lower and the upper end of each edge, and 1 if it leads down, otherwise -1."""
    leads_down = edges[:, 1] > edges[:, 3]
    low = np.where(leads_down[:, None], edges[:, 2:], edges[:, :2])
    high = np.where(leads_down[:, None], edges[:, :2], edges[:, 2:])
    return low, high, np.where(leads_down, 1, -1).astype(np.int32)


def _find_crossings(
    low: np.ndarray, high: np.ndarray, lines: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of spans and lines with low <= line < high, as numbers of each."""
    first, stop = np.searchsorted(lines, low), np.searchsorted(lines, high)
    counts = np.maximum(stop - first, 0)
    which = np.repeat(np.arange(len(low)), counts)
    before = np.cumsum(counts) - counts
    return which, np.arange(len(which)) - np.repeat(before - first, counts)


def _cut_at_lines(edges: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Cut edges where they cross lines of constant y and x."""
    number, places = [np.arange(len(edges))] * 2, [np.zeros(len(edges)), np.ones(len(edges))]
    for axis, lines in ((1, y), (0, x)):
        start, end = edges[:, axis], edges[:, 2 + axis]
        which, line = _find_crossings(np.minimum(start, end), np.maximum(start, end), lines)
        number.append(which)
        places.append((lines[line] - start[which]) / (end - start)[which])
    # along each edge, from point to point
    which, place = np.concatenate(number), np.concatenate(places)
    order = np.lexsort((place, which))
    which, place = which[order], place[order]
    own = edges[which]
    points = own[:, :2] + place[:, None] * (own[:, 2:] - own[:, :2])
    same = which[1:] == which[:-1]
    return np.column_stack([points[:-1][same], points[1:][same]])
