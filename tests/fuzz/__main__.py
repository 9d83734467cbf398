"""``python -m tests.fuzz --count 1000 --seed 0``: check many odd and damaged files."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.check import check_seed
from tests.fuzz.workers import check_seeds


def main() -> int:
    """Check files; print how many of each kind there were, and what is wrong with which."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="number of files")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first file")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument(
        "--only", type=int, help="make the file of this seed in --keep and check it"
    )
    parser.add_argument("--keep", type=Path, default=Path("fuzz_case"), help="folder for --only")
    options = parser.parse_args()
    if options.only is not None:
        return _check_one(options.only, options.keep)
    begun = time.monotonic()
    kinds, ends, faults = Counter[str](), Counter[str](), 0
    for result in check_seeds(range(options.seed, options.seed + options.count), options.processes):
        kinds[result.kind] += 1
        ends.update(result.codes)
        for fault in result.faults:
            faults += 1
            print(f"{result.seed}: {fault}", flush=True)
    print(f"{options.count} files in {time.monotonic() - begun:.0f} s: {_list(kinds)}")
    print(f"commands and exit status: {_list(ends)}")
    print(f"{faults} faults")
    return int(faults > 0)


def _check_one(seed: int, folder: Path) -> int:
    """Check one file in this process, and leave it and its results."""
    folder.mkdir(parents=True)
    terminal = os.dup(1)
    result = check_seed(seed, folder.absolute())
    os.dup2(terminal, 1)
    print(result.kind, *result.codes, *result.faults, f"see {folder}", sep="\n")
    return int(bool(result.faults))


def _list(counts: Counter[str]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(counts.items()))


if __name__ == "__main__":
    sys.exit(main())
