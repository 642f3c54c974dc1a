"""The long profile by hand: `./simulator chaos --seed 1 --minutes 10`. Exit code 1 when anything was lost or doubled."""

import argparse
import asyncio
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from chaos.campaign import Row, campaign, table
from chaos.faults import LONG, SHORT
from chaos.storm import storm
from rig import running_stack

LONG_FROM_MINUTES = 8


async def run(
    seed: int,
    minutes: float,
    rate_per_s: float,
    *,
    brief: bool = False,
    results: Path | None = None,
) -> bool:
    """Campaigns on one stack until the time is over; the short faults first, the long ones if there is time for them."""
    end = time.monotonic() + minutes * 60
    is_long = minutes >= LONG_FROM_MINUTES and not brief
    faults = LONG if is_long else SHORT
    rows: list[Row] = []
    is_clean = True
    with running_stack() as stack:
        number = 0
        while number == 0 or time.monotonic() < end - 100:
            result = await campaign(
                stack, faults, seed=seed + 1_000 * number, rate_per_s=rate_per_s
            )
            print(table(result), flush=True)
            if results is not None:
                note(results, result.rows)
            is_clean &= result.is_clean
            rows += result.rows
            faults = SHORT
            number += 1
        if is_long:
            sockets = await storm(stack, readers=500, kills=3, every_s=30, name=f"storm-{seed}")
            print(f"\n500 sockets, gateway killed every 30 s: {sockets}", flush=True)
            is_clean &= sockets.count.is_clean
    print(
        f"\nseed {seed}: {sum(r.count.promised for r in rows)} accepted, {'clean' if is_clean else 'NOT clean'}"
    )
    return is_clean


def note(results: Path, rows: list[Row]) -> None:
    """One line of JSON per row, at the end of the file: several runs are counted together."""
    with results.open("a") as out:
        out.writelines(json.dumps(asdict(row)) + "\n" for row in rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=2.0, help="submissions per second")
    parser.add_argument(
        "--brief", action="store_true", help="only the short faults, however long it takes"
    )
    parser.add_argument("--results", type=Path, help="a file to add the rows to, for totals.py")
    given = parser.parse_args()
    work = run(given.seed, given.minutes, given.rate, brief=given.brief, results=given.results)
    return 0 if asyncio.run(work) else 1


if __name__ == "__main__":
    sys.exit(main())
