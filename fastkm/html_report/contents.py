"""What a page shows, as plain data: texts, tables, and arrays of numpy.

`fastkm.html_report.page.write_page` turns a `Contents` into a page. All texts are plain: the page escapes
them. Numbers in tables are texts, as readers see them.

Maps are drawn on an evenly spaced grid of at most `MOST_ACROSS` cells a side, whose cells are picked
from those of the raster and never averaged: `fastkm.workflows.reports` picks them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

MOST_ACROSS = 1440
"""Cells of a map along each side."""

MOST_ROWS = 200
"""Rows of a table of regions or tracks."""


@dataclass(frozen=True, eq=False)
class Table:
    """A table; the first cell of each row is the heading of the row.

    Attributes
    ----------
    headings : tuple of str
        One a column.
    rows : tuple of tuple of str
        The cells, as readers see them.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, eq=False)
class Axis:
    """One side of a map.

    Attributes
    ----------
    name, units : str
        What the coordinate is, such as "x" and "m".
    centres : (n,) float64 array
        The coordinates of the cells that are drawn, evenly spaced, ascending or descending.
    degrees : {"longitude", "latitude"} or None
        Which degrees these are, if any; they are shown with their hemisphere.
    """

    name: str
    units: str
    centres: np.ndarray
    degrees: Literal["longitude", "latitude"] | None = None

    @property
    def step(self) -> float:
        """From one centre to the next; 1 if there is one cell only."""
        span = float(self.centres[-1] - self.centres[0])
        return span / (len(self.centres) - 1) if len(self.centres) > 1 else 1.0

    @property
    def ends(self) -> tuple[float, float]:
        """The outer edges of the first and the last cell, the lower one first."""
        first, last = (float(self.centres[i]) for i in (0, -1))
        half = abs(self.step) / 2
        return min(first, last) - half, max(first, last) + half


@dataclass(frozen=True, eq=False)
class MapGrid:
    """The grid of the label maps, and what lies on it.

    Attributes
    ----------
    x, y : Axis
        The coordinates of columns and rows: row i lies at ``y.centres[i]``.
    ratio : float
        Height of the map over its width.
    values : (rows, columns) float array or None
        The values that were clustered, NaN where they are missing; None for several bands.
    quantity, units : str
        What the values are.
    shores : tuple of (n, 2) float arrays
        Lines of the coast, in the coordinates of the map.
    notes : tuple of str
        What readers have to know about the map, such as that cells were left out.
    """

    x: Axis
    y: Axis
    ratio: float
    values: np.ndarray | None = None
    quantity: str = "value"
    units: str = ""
    shores: tuple[np.ndarray, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Histogram:
    """The distribution of the values, as columns with a part for each cluster.

    Attributes
    ----------
    edges : (n + 1,) float array
        Ends of the columns, ascending.
    shares : (k, n) float array
        Share of all values that lies in a column and a cluster, in percent.
    breaks : (k - 1,) float array
        Upper ends of all clusters but the last.
    centroids : (k,) float array
        The centroids.
    """

    edges: np.ndarray
    shares: np.ndarray
    breaks: np.ndarray
    centroids: np.ndarray


@dataclass(frozen=True, eq=False)
class Clustering:
    """The clusters of one k.

    Attributes
    ----------
    labels : (rows, columns) integer array
        The cluster of each cell of the map, -1 where it is missing.
    colours : tuple of str
        The colour of each cluster, such as "#440154".
    names : tuple of str
        What each cluster is in a few words, such as "9.17 kg m-2".
    table : Table
        One row a cluster, in their order.
    found : tuple of str
        Paragraphs: what was found.
    histogram : Histogram or None
        The distribution of the values; None for several bands.
    """

    labels: np.ndarray
    colours: tuple[str, ...]
    names: tuple[str, ...]
    table: Table
    found: tuple[str, ...] = ()
    histogram: Histogram | None = None

    @property
    def k(self) -> int:
        """Number of clusters."""
        return len(self.colours)


@dataclass(frozen=True, eq=False)
class Scores:
    """The score of each number of clusters that was tried.

    Attributes
    ----------
    scores : dict of int to float
        The score of each k; none is NaN, some may be infinite.
    chosen : int
        The k that was chosen, one of `scores`.
    label : str
        What the scores are and which are good.
    """

    scores: dict[int, float]
    chosen: int
    label: str


@dataclass(frozen=True, eq=False)
class Outlines:
    """Regions on the map, each with its row of a table.

    Attributes
    ----------
    regions : tuple of tuple of tuple of (n, 2) float arrays
        For each region its polygons, for each polygon its rings: the exterior, then holes. Rings
        are closed, in the coordinates of the map.
    table : Table
        One row a region.
    ks : tuple of int
        The k whose clusters each region is of; empty if they are of none that readers choose.
    notes : tuple of str
        What readers have to know, such as how many regions were left out.
    """

    regions: tuple[tuple[tuple[np.ndarray, ...], ...], ...]
    table: Table
    ks: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Timeline:
    """The label maps of many steps, of which the map shows one at a time.

    Attributes
    ----------
    steps : tuple of str
        The time of each step, as readers see it.
    mapped : (m,) int array
        The steps that have a map, ascending, the first of them 0; other steps show the one before.
    labels : iterable of (rows, columns) integer arrays
        Their labels on the grid of the map, one after another; those of the clustering are the first.
    times : (steps,) datetime64 or float array
        Where each step lies on the axis of time, ascending: dates, or decimal years.
    sizes : (steps, k) float array
        How large each cluster is at each step; NaN if that is not known.
    unit : str
        The unit of the sizes, such as "million km2" or "cells".
    notes : tuple of str
        What readers have to know, such as that steps were left out.
    """

    steps: tuple[str, ...]
    mapped: np.ndarray
    labels: Iterable[np.ndarray]
    times: np.ndarray
    sizes: np.ndarray
    unit: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Tracks:
    """Regions followed through time, as lines on the map.

    Attributes
    ----------
    lines : tuple of (n, 2) float arrays
        The centres of each track, in the coordinates of the map, one a step in which it was seen.
    steps : tuple of (n,) int arrays
        The step of each centre.
    table : Table
        One row a track.
    notes : tuple of str
        What readers have to know, such as how many tracks were left out.
    """

    lines: tuple[np.ndarray, ...]
    steps: tuple[np.ndarray, ...]
    table: Table
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Contents:
    """All that a page shows.

    Attributes
    ----------
    title : str
        The heading of the page.
    done : tuple of str
        Paragraphs: what was done, and what is missing.
    grid : MapGrid
        The grid of the label maps.
    clusterings : tuple of Clustering
        One for each k, at least one; readers choose the one that is shown.
    shown : int
        The position of the one that is shown first.
    facts : tuple of (str, str)
        What is what: the file, its size, the version of the program.
    scores, outlines, timeline, tracks
        Further parts of the page; None if there are none. With a timeline there is one clustering.
    """

    title: str
    done: tuple[str, ...]
    grid: MapGrid
    clusterings: tuple[Clustering, ...]
    shown: int = 0
    facts: tuple[tuple[str, str], ...] = ()
    scores: Scores | None = None
    outlines: Outlines | None = None
    timeline: Timeline | None = None
    tracks: Tracks | None = None
