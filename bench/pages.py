"""The pages that people read, made of the newest runs: ``RESULTS.md``, the README's table, the plots.

No figure in them is typed by hand: a test makes them again and compares.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from bench import memory, startup
from bench.case import OURS
from bench.comparison import measured_of
from bench.environment import described
from bench.parts import PARTS
from bench.results import newest
from bench.table import above, by_case, losing, markdown, ratio, readable, times, worse
from bench.timing import ROUNDS, Measured
from fastkm._core.atomic_write import atomic_write

HOME = Path(__file__).parent
README = HOME.parent / "README.md"
BEGIN, END = "<!-- bench: headline -->", "<!-- end of headline -->"
Parts = dict[str, dict[str, Any]]

HEADLINE = {
    "vq": ("vq, 1e7", "vq, 1,000 float32", "kmeans(x, 6)", "kmeans2, 10 iterations, 1e6"),
    "kmeans1d": ("1-D clusters and labels", "the lesson's"),
    "kmeans": (
        "KMeans, 1e6 x 3 float32, k = 8",
        "KMeans, 1e6 x 12 float32, k = 32",
        "KMeans, 1e5 x 128 float32, k = 64",
        "KMeans, 1,000",
    ),
    "outlines": (
        "find_contours, 1800 x 3600 uint8",
        "polygonize, 1800",
        "longest distance, a walk of 1",
        "the lesson after",
    ),
}
"""Cases of the README's table, by part: how their names begin."""

SMALLER = "Sizes in names are those of full runs."
INTRODUCTION = """\
Written by `python -m bench` from the files in `bench/results/`; do not edit. To repeat everything:
`python -m bench --size full` (`pip install -e ".[bench]"`), or a part by its name."""

FAIR = f"""\
What the code sees to:

- **The same work.** Everybody gets the same array, in the same type and layout, the same initial
  centroids or seed, number of iterations and tolerance. Where a rival cannot (one without float64, or
  with a method of its own), its line says so by name, and its inertia stands beside its time.
- **The same threads.** A rival with one thread is compared with fastkm on one thread (*times fastkm's* is
  the ratio of medians at as many threads); the others get all cores, as fastkm does.
- **Right answers.** Each answer is checked in the run that times it. *inertia* is how far the sum of
  squares, computed for all by the same code in float64, is above the least of the case: a quick worse
  answer shows.
- **Interleaved runs.** Everybody runs once in each round, up to {ROUNDS} rounds; the first does not
  count; a rival that has used its allowance of seconds takes part in no further round. The median is
  given with the spread and the number of runs. Making the data is not timed.
- **Compiling apart.** Kernels are compiled before the clock starts. What a first call costs, with an empty and
  with a warm cache, is measured in fresh processes: see *{startup.PART.title}*.
- **Memory** is the peak of a process of its own: see *{memory.PART.title}*.
- **Nothing left out in silence.** Cases where fastkm loses are in the tables; who was not installed is named.
- *A yardstick* is not the same work: it shows how near a plain pass over the data is.
"""


def rebuild(home: Path, drawn: Collection[str] = tuple(PARTS)) -> list[Path]:
    """Write the pages from the runs in ``home/results``, and draw the figures of some parts.

    Parameters
    ----------
    home : Path
        Where ``RESULTS.md`` and the figures go. The README is written where it is the project's own.
    drawn : collection of str
        The parts whose figures are drawn.

    Returns
    -------
    list of Path
        The files written.
    """
    parts = newest(home / "results")
    pages = {home / "RESULTS.md": results_page(parts)}
    if home == HOME and README.exists():
        pages[README] = with_headline(README.read_text(), parts)
    for path, text in pages.items():
        with atomic_write(path) as draft:
            draft.write_text(text)
    figures = [path for name in drawn if name in parts for path in draw(home, name, parts[name])]
    return [*pages, *figures]


def draw(home: Path, name: str, part: dict[str, Any]) -> list[Path]:
    """Draw the figures of a part."""
    paths = []
    for stem, figure in PARTS[name].figures(part["found"]).items():
        paths.append(home / "figures" / f"{stem}.png")
        paths[-1].parent.mkdir(exist_ok=True)
        with atomic_write(paths[-1]) as draft:
            figure.savefig(draft, format="png")
    return paths


def results_page(parts: Parts) -> str:
    """Write ``RESULTS.md``."""
    titles = {name: part.title for name, part in PARTS.items()}
    shown = [name for name in PARTS if name in parts]
    paragraphs = [
        "# Results",
        INTRODUCTION,
        "\n".join(f"- [{titles[name]}](#{anchor(titles[name])})" for name in shown),
        "## How it is measured",
        FAIR.rstrip(),
        "## Where fastkm loses",
        losses(parts),
        *(text for name in shown for text in part_of_page(name, parts[name])),
        "## Machines and versions",
        *machines(parts),
    ]
    return "\n\n".join(paragraphs) + "\n"


def anchor(title: str) -> str:
    """Give the address of a heading within its page."""
    return "".join(c for c in title.lower().replace(" ", "-") if c.isalnum() or c == "-")


def part_of_page(name: str, part: dict[str, Any]) -> Iterable[str]:
    """Write a part: its heading, how to repeat it, its tables and figures."""
    yield f"## {PARTS[name].title}"
    command = f"python -m bench {name} --size {part['size']}"
    smaller = "" if part["size"] == "full" else f" {SMALLER}"
    yield f"`{command}`, {part['started'][:10]}, {part['seconds'] / 60:.1f} minutes.{smaller}"
    yield PARTS[name].section(part["found"])
    for stem in PARTS[name].figures(part["found"]):
        yield f"![{PARTS[name].title}: {stem}](figures/{stem}.png)"
    if part["left_out"]:
        missing = ", ".join(f"{who} ({why})" for who, why in part["left_out"].items())
        yield f"Left out here: {missing}."


def machines(parts: Parts) -> Iterable[str]:
    """Name the environments, with the parts that ran there."""
    found: dict[str, list[str]] = {}
    for name in PARTS:
        if name in parts:
            found.setdefault(described(parts[name]["environment"]), []).append(name)
    for text, names in found.items():
        yield f"{', '.join(names)}: {text}"


def losses(parts: Parts) -> str:
    """List the cases in which a rival is quicker than fastkm."""
    rows = [
        [case, one.rival, one.threads, times(1 / share), above(worse_in(one, measured))]
        for name in PARTS
        for measured in [measured_in(parts, name)]
        for case, one, share in losing(measured)
    ]
    if not rows:
        return "In none of these cases."
    header = ["work", "who", "threads", "times as quick as fastkm", "inertia"]
    return markdown(header, rows, 3)


def measured_in(parts: Parts, name: str) -> list[Measured]:
    """Give the cases that a part measured, if it is made of cases."""
    found = parts[name]["found"] if name in parts else {}
    return measured_of(found) if "measured" in found else []


def worse_in(one: Measured, measured: list[Measured]) -> float | None:
    """Tell how far a loss is above the least of its case."""
    return worse(one, by_case(measured)[one.case])


def with_headline(readme: str, parts: Parts) -> str:
    """Give the README with the headline table in its place."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{headline(parts)}\n{END}{after}"


def headline(parts: Parts) -> str:
    """Write a line for each case: fastkm, the usual way, and the quickest of the others."""
    rows = [
        headline_row(name, case)
        for part, names in HEADLINE.items()
        for name, case in by_case(measured_in(parts, part)).items()
        if name.startswith(names)
    ]
    header = ["work", "fastkm, all cores / one", "the usual way", "the quickest other"]
    machine = next(iter(parts.values()))["environment"] if parts else None
    about = f"\n\nMedians; {machine['cpu']}, {machine['cores']} cores." if machine else ""
    return markdown(header, rows) + about


def headline_row(name: str, case: list[Measured]) -> list[str]:
    """Write one line."""
    ours = [one for one in case if one.rival == OURS]
    others = [one for one in case if one.rival != OURS and not one.yardstick]
    quickest = min(others[1:], key=lambda one: ratio(one, case), default=None)
    own = " / ".join(readable(one.median) for one in ours)
    return [name, own, beside(others[0], case), beside(quickest, case) if quickest else ""]


def beside(one: Measured, case: list[Measured]) -> str:
    """Write who, how long, how many times fastkm's, and how much worse."""
    share = worse(one, case) or 0.0
    grade = f", inertia {above(share)}" if share >= 1e-4 else ""
    return f"{one.rival}: {readable(one.median)}, **{times(ratio(one, case))}**{grade}"
