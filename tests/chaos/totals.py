"""Several runs counted together, per fault:  python tests/chaos/totals.py RESULTS…"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

COUNTED = (
    "promised",
    "conversations",
    "lost",
    "doubled",
    "unfinished",
    "failed",
    "gaps",
    "repeats",
    "disorder",
    "disagreements",
)


def totals(rows: list[dict[str, Any]]) -> str:
    """A Markdown table: each fault with how often it struck, the sums, and the time to recover."""
    of: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        of[row["fault"]].append(row)
    lines = [
        f"| fault | struck | promised | {' | '.join(COUNTED[1:])} | recovered s, median | longest |",
        f"|---|{'---|' * (len(COUNTED) + 3)}",
    ]
    for fault, some in of.items():
        lines.append(_line(fault, some))
    seeds = len({row["seed"] % 1_000 for row in rows})
    return "\n".join([*lines, _line(f"all, {seeds} seeds", rows)])


def _line(name: str, rows: list[dict[str, Any]]) -> str:
    sums = [sum(row["count"].get(what, 0) for row in rows) for what in COUNTED]
    recovered = [row["recovered_s"] for row in rows]
    known = [s for s in recovered if s is not None]
    longest = "never" if len(known) < len(recovered) else f"{max(known):.1f}"
    middle = f"{median(known):.1f}" if known else "never"
    return f"| {name} | {len(rows)} | {' | '.join(map(str, sums))} | {middle} | {longest} |"


if __name__ == "__main__":
    found = [
        json.loads(line) for name in sys.argv[1:] for line in Path(name).read_text().splitlines()
    ]
    print(totals(found))
