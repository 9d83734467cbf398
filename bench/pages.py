"""The pages that people read: ``RESULTS.md``, the README's table and the plots.

They are made from the newest runs. No number in them is typed by hand: a test makes the pages again and
compares them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import memory, startup
from bench.case import OURS
from bench.comparison import read_measurements
from bench.environment import describe
from bench.parts import PARTS
from bench.results import find_newest
from bench.style import choose_line, new_figure, tidy
from bench.table import (
    compute_excess,
    compute_ratio,
    format_excess,
    format_ratio,
    format_seconds,
    format_table,
    group_by_case,
    list_losses,
)
from bench.timing import ROUNDS, Measurement
from fastkm._core.atomic_write import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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

INTRODUCTION = """\
Written by `python -m bench` from the files in `bench/results/`; do not edit. To repeat everything:
`python -m bench --size full` (`pip install -e ".[bench]"`), or a part by its name."""

FAIR = f"""\
The code sees to this:

- **The same work.** Fastkm and its rivals get the same array, in the same type and layout, and the same initial
  centroids or seed, number of iterations and tolerance. If a rival cannot take part on these terms (it has no
  float64, or a method of its own), its line says so by name, and its inertia stands beside its time.
- **The same threads.** A rival with one thread is compared with fastkm on one thread; the others get all
  cores, as fastkm does. *Times fastkm's* is the rival's median time divided by fastkm's, with the same number of threads.
- **Right answers.** Each answer is checked in the run that times it. The column *inertia* shows how far the sum of
  squares is above the least one of the case. The same code computes it for all, in float64, so a quick but worse
  answer shows.
- **Interleaved runs.** Each program runs once without the clock and then once in each round, up to {ROUNDS}
  rounds. A rival that has used its allowance of seconds leaves the later rounds. The tables show the median,
  the spread and the number of runs. Work of less than some milliseconds is repeated within a round, and the mean
  counts: done once, it seems slower for whoever comes after a rival that fills the caches. Making the data is not timed.
- **Compiling apart.** Kernels are compiled before the clock starts, by the same work at the same size. *{startup.PART.title}* measures in fresh processes
  what a first call costs, with an empty and with a warm cache.
- **Memory** is the peak of a process of its own: see *{memory.PART.title}*.
- **Nothing is left out silently.** Cases in which fastkm loses are in the tables, and rivals that were not installed are named.
- *A yardstick* is not the same work: it shows how near fastkm is to a plain pass over the data.
"""


def rebuild(home: Path, drawn: Collection[str] = tuple(PARTS)) -> list[Path]:
    """Write the pages from the runs in ``home/results``, and draw the figures of some parts.

    Parameters
    ----------
    home : Path
        Where ``RESULTS.md`` and the figures go. The README is written too if this is `HOME`.
    drawn : collection of str
        The parts whose figures are drawn.

    Returns
    -------
    list of Path
        The files written.
    """
    parts = find_newest(home / "results")
    pages = {home / "RESULTS.md": write_results_page(parts)}
    if home == HOME and README.exists():
        pages[README] = insert_headline(README.read_text(), parts)
    for path, text in pages.items():
        with atomic_write(path) as draft:
            draft.write_text(text)
    figures = [path for name in drawn if name in parts for path in draw(home, name, parts[name])]
    cases = find_headline(parts)
    if cases and set(drawn) & set(HEADLINE):
        figures += save_figures(home, {"summary": draw_summary(cases)})
    return [*pages, *figures]


def draw(home: Path, name: str, part: dict[str, Any]) -> list[Path]:
    """Draw the figures of a part."""
    return save_figures(home, PARTS[name].figures(part["found"]))


def save_figures(home: Path, figures: Mapping[str, Figure]) -> list[Path]:
    """Write figures by their names."""
    paths = []
    for stem, figure in figures.items():
        paths.append(home / "figures" / f"{stem}.png")
        paths[-1].parent.mkdir(exist_ok=True)
        with atomic_write(paths[-1]) as draft:
            figure.savefig(draft, format="png")
    return paths


def write_results_page(parts: Parts) -> str:
    """Write ``RESULTS.md``."""
    titles = {name: part.title for name, part in PARTS.items()}
    shown = [name for name in PARTS if name in parts]
    paragraphs = [
        "# Results",
        INTRODUCTION,
        "\n".join(f"- [{titles[name]}](#{make_anchor(titles[name])})" for name in shown),
        *write_summary_section(parts),
        "## How it is measured",
        FAIR.rstrip(),
        "## Where fastkm loses",
        write_losses(parts),
        *(text for name in shown for text in write_part(name, parts[name])),
        "## Machines and versions",
        *write_machines(parts),
    ]
    return "\n\n".join(paragraphs) + "\n"


def make_anchor(title: str) -> str:
    """Return the address of a heading within its page."""
    return "".join(c for c in title.lower().replace(" ", "-") if c.isalnum() or c == "-")


def write_part(name: str, part: dict[str, Any]) -> Iterable[str]:
    """Write a part: its heading, how to repeat it, its tables and figures."""
    yield f"## {PARTS[name].title}"
    command = f"python -m bench {name} --size {part['size']}"
    yield f"`{command}`, {part['started'][:10]}, {part['seconds'] / 60:.1f} minutes."
    yield PARTS[name].section(part["found"])
    for stem in PARTS[name].figures(part["found"]):
        yield f"![{PARTS[name].title}: {stem}](figures/{stem}.png)"
    if part["left_out"]:
        missing = ", ".join(f"{who} ({why})" for who, why in part["left_out"].items())
        yield f"Left out here: {missing}."


def write_machines(parts: Parts) -> Iterable[str]:
    """Write each environment, with the parts that ran in it."""
    found: dict[str, list[str]] = {}
    for name in PARTS:
        if name in parts:
            found.setdefault(describe(parts[name]["environment"]), []).append(name)
    for text, names in found.items():
        yield f"{', '.join(names)}: {text}"


def write_losses(parts: Parts) -> str:
    """List the cases in which a rival is quicker than fastkm."""
    rows = [
        [
            case,
            one.rival,
            one.threads,
            format_ratio(1 / share),
            format_excess(compute_worse(one, measured)),
        ]
        for name in PARTS
        for measured in [read_part(parts, name)]
        for case, one, share in list_losses(measured)
    ]
    if not rows:
        return "In none of the measured cases."
    header = ["work", "who", "threads", "times as quick as fastkm", "inertia"]
    return format_table(header, rows, 3)


def read_part(parts: Parts, name: str) -> list[Measurement]:
    """Return the measurements of a part; none if it is not made of cases."""
    found = parts[name]["found"] if name in parts else {}
    return read_measurements(found) if "measured" in found else []


def compute_worse(one: Measurement, measured: list[Measurement]) -> float | None:
    """Return how far a loss is above the least one of its case."""
    return compute_excess(one, group_by_case(measured)[one.case])


def insert_headline(readme: str, parts: Parts) -> str:
    """Return the README with the headline table in its place."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{write_headline(parts)}\n{END}{after}"


def write_headline(parts: Parts) -> str:
    """Return the table of the README: for each case fastkm, the usual way, and the quickest other."""
    rows = [write_headline_row(case) for case in find_headline(parts)]
    header = ["work", "fastkm, all cores / one", "the usual way", "the quickest other"]
    machines = [parts[part]["environment"] for part in HEADLINE if part in parts]
    return format_table(header, rows) + write_about_headline(machines)


def find_headline(parts: Parts) -> list[list[Measurement]]:
    """Return the measurements of each case of the headline."""
    return [
        case
        for part, names in HEADLINE.items()
        for name, case in group_by_case(read_part(parts, part)).items()
        if name.startswith(names)
    ]


def write_summary_section(parts: Parts) -> list[str]:
    """Write a page in short: the times of some cases, and those of the lesson; nothing without cases."""
    cases = find_headline(parts)
    if not cases:
        return []
    ratios = [one for part in PARTS for one in list_comparisons(read_part(parts, part))]
    ahead = sum(ratio >= 1 for ratio in ratios)
    text = (
        f"Fastkm is the quicker one in {ahead} of {len(ratios)} comparisons with another program: one case, one "
        "rival, the same threads. The others are [below](#where-fastkm-loses). Some cases, on one scale of seconds:"
    )
    picture = "![In short: medians of some cases](figures/summary.png)"
    table = write_headline(parts).replace("(bench/RESULTS.md#", "(#")
    return ["## In short", text, picture, table]


def list_comparisons(measured: list[Measurement]) -> list[float]:
    """Return how many times fastkm's each rival's time is, case by case."""
    return [
        compute_ratio(one, case)
        for case in group_by_case(measured).values()
        for one in case
        if one.rival != OURS and not one.yardstick
    ]


def write_about_headline(machines: Iterable[dict[str, Any]]) -> str:
    """Return the line below the table: the machines of its rows, and where the losses are."""
    where = "[where fastkm loses](bench/RESULTS.md#where-fastkm-loses)"
    names = dict.fromkeys(f"{machine['cpu']}, {machine['cores']} cores" for machine in machines)
    return f"\n\nMedians; {'; '.join(names)}; {where}." if names else ""


def write_headline_row(case: list[Measurement]) -> list[str]:
    """Write one line."""
    ours = [one for one in case if one.rival == OURS]
    usual, quickest = find_others(case)
    own = " / ".join(format_seconds(one.median) for one in ours)
    return [
        ours[0].work,
        own,
        write_rival(usual, case),
        write_rival(quickest, case) if quickest else "",
    ]


def find_others(case: list[Measurement]) -> tuple[Measurement, Measurement | None]:
    """Return the usual way of a case, and the quickest of the other rivals."""
    others = [one for one in case if one.rival != OURS and not one.yardstick]
    return others[0], min(others[1:], key=lambda one: compute_ratio(one, case), default=None)


def draw_summary(cases: list[list[Measurement]]) -> Figure:
    """Draw the medians of cases on one axis of seconds: fastkm, the usual way and the quickest other."""
    figure, axes = new_figure(1, 1, width=11.0, height=0.3 * len(cases) + 1.0)
    panel = axes[0, 0]
    for place, case in enumerate(cases):
        shown = [next(one for one in case if one.rival == OURS)]
        shown += [one for one in find_others(case) if one is not None]
        times = [one.median for one in shown]
        panel.plot([min(times), max(times)], [place, place], color="0.8", linewidth=2, zorder=1)
        for one in shown:
            look = choose_line(one.rival)
            panel.plot(one.median, place, look["marker"], color=look["color"], markersize=8,
                       zorder=look.get("zorder", 3))  # fmt: skip
        words = ",  ".join(f"{one.rival} {format_seconds(one.median)}" for one in shown)
        panel.text(
            1.01, place, words, transform=panel.get_yaxis_transform(), va="center", fontsize=7.5
        )
    panel.set_xscale("log")
    panel.set_yticks(range(len(cases)), [case[0].work for case in cases], fontsize=8)
    panel.set(ylim=(len(cases) - 0.4, -0.6), xlabel="seconds")
    tidy(panel)
    return figure


def write_rival(one: Measurement, case: list[Measurement]) -> str:
    """Write a rival's name and time, its ratio to fastkm's, and how much worse its answer is."""
    share = compute_excess(one, case) or 0.0
    grade = f", inertia {format_excess(share)}" if share >= 1e-4 else ""
    return f"{one.rival}: {format_seconds(one.median)}, **{format_ratio(compute_ratio(one, case))}**{grade}"
