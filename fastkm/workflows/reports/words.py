"""The words of a page: what was done and found, in sentences for readers who know no statistics."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastkm.cluster.exact.result import KMeans1D
    from fastkm.cluster.selection.choose_k import Choice
    from fastkm.raster.raster_clusters import RasterClusters

CRITERIA = {
    "silhouette": "the mean silhouette, which compares how near cells are to their own cluster and to "
    "the next one: 1 is best",
    "bic": "the Bayesian information criterion, which sets the fit against the number of clusters: "
    "lower is better",
    "calinski_harabasz": "the Calinski-Harabasz index, the variance between clusters over that within "
    "them: higher is better",
    "elbow": "the elbow, which is where further clusters lower the inertia by much less: higher is "
    "better",
}

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_FACTORS = re.compile(r"[A-Za-zµμ%°]+(?:[+-]?\d+)?(?:[\s./·][A-Za-zµμ%°]+(?:[+-]?\d+)?)*")
_POWER = re.compile(r"(?<=[A-Za-zµμ%°])[+-]?\d+")


def format_units(units: str) -> str:
    """Return units as a book prints them, if they are factors with powers; "" for no dimension.

    Examples
    --------
    >>> format_units("kg m-2"), format_units("1"), format_units("days since 2000-01-01")
    ('kg m⁻²', '', 'days since 2000-01-01')
    """
    text = units.strip()
    if text in {"", "1"}:
        return ""
    if not _FACTORS.fullmatch(text):
        return text
    return _POWER.sub(lambda power: power[0].lstrip("+").translate(_SUPERSCRIPTS), text)


def format_number(value: float, digits: int = 5) -> str:
    """Return a number with few digits, and a thousands separator if it is large.

    Examples
    --------
    >>> format_number(1234567.8), format_number(0.123456), format_number(-3.0)
    ('1,234,568', '0.12346', '−3')
    """
    shown = f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.{digits}g}"
    return shown.replace("-", "−")


def count_things(count: int, thing: str) -> str:
    """Return a number of things in words.

    Examples
    --------
    >>> count_things(1, "cluster"), count_things(1200, "cell")
    ('1 cluster', '1,200 cells')
    """
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def describe_work(results: Mapping[int, RasterClusters], choice: Choice | None) -> tuple[str, ...]:
    """Return paragraphs: what was clustered, and why into so many clusters."""
    ks = sorted(results)
    first = results[ks[0]]
    what = "values" if first.gap is not None else f"values in {len(first.bands)} bands"
    many = "1 cluster" if ks == [1] else f"{list_numbers(ks)} clusters"
    method = (
        f"The cells were put into {many} by their {what}, by k-means: a cell belongs to the cluster "
        "whose centroid is nearest, and a centroid is the mean of the cells of its cluster."
    )
    if first.scale is not None:
        method += (
            " Before that each band was divided by its standard deviation, so that all bands count."
        )
    return (method, _explain_choice(choice))


def describe_result(result: RasterClusters, areas: np.ndarray | None) -> tuple[str, ...]:
    """Return paragraphs: the largest cluster, the spread within clusters, and what is proven."""
    return (_describe_largest(result, areas), _describe_spread(result), _explain_proof(result))


def name_clusters(result: RasterClusters) -> tuple[str, ...]:
    """Return the centroid of each cluster with its units; of several bands only the first ones."""
    units = [format_units(str(unit)) for unit in result.centroids["units"].values]
    names = []
    for row in result.centroids.values:
        parts = [
            f"{format_number(x)} {unit}".strip() for x, unit in zip(row[:4], units, strict=False)
        ]
        names.append(", ".join(parts) + (" …" if len(row) > 4 else ""))
    return tuple(names)


def tabulate_clusters(
    result: RasterClusters, areas: np.ndarray | None
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return the headings and rows of the table of clusters; `areas` are in km2."""
    units = [format_units(str(unit)) for unit in result.centroids["units"].values]
    if result.gap is not None:
        code = cast("KMeans1D", result.codebook)
        columns = {f"centroid {units[0]}".strip(): code.centroids}
        breaks = [format_number(float(place)) for place in code.breaks]
        bounds = {"above": ["", *breaks], "up to": [*breaks, ""]}
    else:
        bands = result.centroids.values.T
        columns = {
            f"{name} {unit}".strip(): column
            for name, unit, column in zip(result.bands, units, bands, strict=True)
        }
        bounds = {}
    table: dict[str, Sequence[str]] = {
        name: [format_number(float(x)) for x in column] for name, column in columns.items()
    }
    table |= bounds
    table["cells"] = [f"{count:,}" for count in result.counts]
    table["share"] = [f"{100 * share:.1f}\u00a0%" for share in result.counts / result.counts.sum()]
    if areas is not None:
        table["area km²"] = [f"{area:,.0f}" for area in areas]
        table["share of area"] = [f"{100 * area / (areas.sum() or 1):.1f}\u00a0%" for area in areas]
    labels = [str(j) for j in range(result.k)]
    return ("cluster", *table), tuple(zip(labels, *table.values(), strict=True))


def _explain_choice(choice: Choice | None) -> str:
    """Return why there are so many clusters."""
    if choice is None:
        return (
            "The number of clusters was given, not found. No rule knows what clusters are for: more of "
            "them are nearer to the values, and fewer are easier to see."
        )
    tried = sorted([*choice.scores, *choice.left_out])
    score = format_number(choice.scores[choice.k])
    return (
        f"{choice.k} clusters were chosen among {list_numbers(tried)} by {CRITERIA[choice.criterion]}. "
        f"Their score is {score}. No rule knows what clusters are for: look at the scores of all."
    )


def _describe_largest(result: RasterClusters, areas: np.ndarray | None) -> str:
    """Return which cluster is the largest, and how large the highest is."""
    sizes = result.counts if areas is None else areas
    largest = int(np.argmax(sizes))
    names = name_clusters(result)
    share = 100 * sizes[largest] / (sizes.sum() or 1)
    size = (
        count_things(int(sizes[largest]), "cell") if areas is None else f"{sizes[largest]:,.0f} km²"
    )
    if result.k == 1:
        return f"The only cluster has its centroid at {names[0]}. Its size is {size}."
    text = (
        f"The largest cluster is {largest}, with its centroid at {names[largest]}: it has {size}, "
        f"{share:.1f}\u00a0% of all that is not missing."
    )
    if result.gap is not None and largest != result.k - 1:
        high = 100 * sizes[-1] / (sizes.sum() or 1)
        text += f" The highest, {result.k - 1}, with its centroid at {names[-1]}, has {high:.1f}\u00a0%."
    return text


def _describe_spread(result: RasterClusters) -> str:
    """Return how far cells lie from their centroids."""
    distance = math.sqrt(result.inertia / (result.weights.sum() or 1))
    units = {format_units(str(unit)) for unit in result.centroids["units"].values}
    unit = (
        "standard deviations"
        if result.scale is not None
        else units.pop()
        if len(units) == 1
        else ""
    )
    if getattr(result.codebook, "criterion", "mean") == "median":
        return f"The inertia, the sum of the distances to the medians, is {format_number(result.inertia)}."
    weighted = "" if np.array_equal(result.weights, result.counts) else "weighted "
    return (
        f"Cells are {format_number(distance)} {unit}".rstrip()
        + " from the centroid of their cluster, as the root of the mean square. The inertia, the "
        f"{weighted}sum of all squared distances, is {format_number(result.inertia)}."
    )


def _explain_proof(result: RasterClusters) -> str:
    """Return what is proven about the inertia."""
    if result.gap is None:
        return (
            f"Lloyd's algorithm found these clusters in {count_things(result.iterations or 0, 'round')}. "
            "Each round lowers the inertia, but another start might end lower: nothing is proven."
        )
    if result.gap == 0:
        return (
            "The result is proven optimal: no other way to put these values into "
            f"{count_things(result.k, 'cluster')} has a lower inertia. It does not depend on a start "
            "or on chance."
        )
    return (
        f"The inertia is proven to be at most {format_number(result.gap)} above the lowest that is "
        "possible."
    )


def list_numbers(numbers: Sequence[int]) -> str:
    """Return numbers in words: "2 to 6", or "2, 4 and 8".

    Examples
    --------
    >>> list_numbers([2, 3, 4]), list_numbers([2, 4, 8]), list_numbers([6])
    ('2 to 4', '2, 4 and 8', '6')
    """
    first, last = numbers[0], numbers[-1]
    if len(numbers) > 2 and last - first == len(numbers) - 1:
        return f"{first} to {last}"
    return list_words([str(number) for number in numbers])


def list_words(words: Sequence[str]) -> str:
    """Return words as a list in a sentence.

    Examples
    --------
    >>> list_words(["red"]), list_words(["red", "green", "blue"])
    ('red', 'red, green and blue')
    """
    *before, last = words
    return f"{', '.join(before)} and {last}" if before else last
