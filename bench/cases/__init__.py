"""The one table of cases, by the part of the benchmarks that they belong to."""

from bench.case import Case
from bench.cases.bands import BANDS
from bench.cases.changes import CHANGES
from bench.cases.estimators import LLOYD
from bench.cases.exact import EXACT
from bench.cases.masks import MASKS
from bench.cases.outlines import OUTLINES
from bench.cases.polygons import POLYGONS
from bench.cases.tracks import TRACKS
from bench.cases.vq import VQ

CASES: dict[str, list[Case]] = {
    "vq": VQ,
    "kmeans1d": EXACT,
    "kmeans": LLOYD,
    "outlines": [*OUTLINES, *CHANGES, *TRACKS],
    "polygons": [*POLYGONS, *BANDS, *MASKS],
}


def find_case(name: str) -> Case:
    """Find a case."""
    [found] = [case for cases in CASES.values() for case in cases if case.name == name]
    return found
