"""Turn the JSON of a benchmark run into a Markdown table: medians, and how many times faster.

Where memory was measured, a line gives that and no time.

python -m bench.table out/bench.json
"""

import json
import sys
from pathlib import Path


def table(report: dict) -> str:
    """Give one line for each case and rival, fastkm first."""
    medians: dict[str, dict[str, float]] = {}
    memory = []
    for run in report["benchmarks"]:
        info = run["extra_info"]
        if "bytes" in info:
            memory.append(f"| {info['case']} | {info['rival']} | {info['bytes'] / 1e6:.3g} MB |  |")
            continue
        medians.setdefault(info["case"], {})[info["rival"]] = run["stats"]["median"]
    lines = ["| work | who | median | times fastkm's |", "| --- | --- | ---: | ---: |"]
    for case, seconds in medians.items():
        first = seconds.get("fastkm")
        for rival, median in seconds.items():
            ratio = times(median / first) if first else ""
            lines.append(f"| {case} | {rival} | {readable(median)} | {ratio} |")
    return "\n".join(lines + memory)


def readable(seconds: float) -> str:
    """Give seconds with three digits and a fitting unit."""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def times(ratio: float) -> str:
    """Give a ratio with two decimals, from ten on with none."""
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.0f}"


if __name__ == "__main__":
    print(table(json.loads(Path(sys.argv[1]).read_text())))
