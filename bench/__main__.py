"""Run fastkm beside its rivals, write down the results, and rebuild the pages.

    python -m bench                            # everything, small
    python -m bench kmeans1d --size full       # one part, as in the published tables
    python -m bench large --size full          # all parts of that family: large-scene, large-band ...
    python -m bench --pages                    # only rebuild README.md's table, RESULTS.md, the plots

The rasters of *large* take minutes to make: if the environment variable FASTKM_BENCH_FILES names a folder, they
are kept there for the next run.

A run is one JSON file. The pages show the newest full run of each part; if there is none, the newest
smaller one.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from bench.pages import HOME, rebuild
from bench.parts import PARTS
from bench.results import Run


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    options = parse_arguments(arguments)
    chosen = [part for name in options.parts for part in find_parts(name)]
    names = list(dict.fromkeys(chosen)) or list(PARTS)
    if not options.pages:
        run_parts(names, options.size, options.output / "results")
    for path in rebuild(options.output, names):
        print(f"wrote {path}")


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the arguments."""
    about, examples = __doc__.split("\n", 1)
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=about,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    listed = "; ".join(f"{name}: {part.title}" for name, part in PARTS.items())
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"by default all. {listed}")
    parser.add_argument("--size", choices=["tiny", "small", "full"], default="small")
    parser.add_argument(
        "--output",
        type=Path,
        default=HOME,
        metavar="DIR",
        help="where results, RESULTS.md and figures go; by default bench/, and README.md's table",
    )
    parser.add_argument("--pages", action="store_true", help="run nothing, only rebuild the pages")
    options = parser.parse_args(arguments)
    for name in options.parts:
        if not find_parts(name):
            parser.error(f"PART must be one of {', '.join(PARTS)}; got {name!r}")
    return options


def find_parts(name: str) -> list[str]:
    """Return the part of a name, or the parts of the family of that name."""
    return [name] if name in PARTS else [part for part in PARTS if part.startswith(f"{name}-")]


def run_parts(names: list[str], size: str, folder: Path) -> None:
    """Run parts one after another; the file of the run is complete after each."""
    run = Run(folder, size)
    for name in names:
        part = PARTS[name]
        print(f"{name}: {part.title}", flush=True)
        left_out = part.left_out()
        for who, why in left_out.items():
            print(f"  left out: {who} ({why})", flush=True)
        begin = time.perf_counter()
        found = part.run(size)
        seconds = time.perf_counter() - begin
        run.add(name, found, left_out, seconds)
        print(f"{part.section(found)}\n{seconds:.0f} s; wrote {run.path}\n", flush=True)


if __name__ == "__main__":
    main()
