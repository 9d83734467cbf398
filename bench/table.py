"""Turn the JSON of a benchmark run into a Markdown table: medians, and how many times faster.

python -m bench.table out/bench.json
"""

import json
import sys
from pathlib import Path


def table(report: dict) -> str:
    """Give one line for each case and rival, fastkm first."""
    medians: dict[str, dict[str, float]] = {}
    for run in report["benchmarks"]:
        info = run["extra_info"]
        medians.setdefault(info["case"], {})[info["rival"]] = run["stats"]["median"]
    lines = ["| work | who | median | times fastkm's |", "| --- | --- | ---: | ---: |"]
    for case, seconds in medians.items():
        first = seconds.get("fastkm")
        for rival, median in seconds.items():
            ratio = f"{median / first:.1f}" if first else ""
            lines.append(f"| {case} | {rival} | {readable(median)} | {ratio} |")
    return "\n".join(lines)


def readable(seconds: float) -> str:
    """Give seconds with three digits and a fitting unit."""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


if __name__ == "__main__":
    print(table(json.loads(Path(sys.argv[1]).read_text())))
