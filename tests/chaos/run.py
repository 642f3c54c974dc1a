"""The long profile by hand: `./simulator chaos --seed 1 --minutes 10`. Exit code 1 when anything was lost or doubled."""

import argparse
import asyncio
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from chaos.campaign import Row, campaign, table
from chaos.faults import LONG, SHORT
from chaos.storm import storm
from rig import running_stack

LONG_FROM_MINUTES = 8


async def run(seed: int, minutes: float, rate_per_s: float) -> bool:
    """Campaigns on one stack until the time is over; the short faults first, the long ones if there is time for them."""
    end = time.monotonic() + minutes * 60
    faults = LONG if minutes >= LONG_FROM_MINUTES else SHORT
    rows: list[Row] = []
    is_clean = True
    with running_stack() as stack:
        number = 0
        while number == 0 or time.monotonic() < end - 100:
            result = await campaign(
                stack, faults, seed=seed + 1_000 * number, rate_per_s=rate_per_s
            )
            print(table(result), flush=True)
            is_clean &= result.is_clean
            rows += result.rows
            faults = SHORT
            number += 1
        if minutes >= LONG_FROM_MINUTES:
            sockets = await storm(stack, readers=500, kills=3, every_s=30, name=f"storm-{seed}")
            print(f"\n500 sockets, gateway killed every 30 s: {sockets}", flush=True)
            is_clean &= sockets.count.is_clean
    print(
        f"\nseed {seed}: {sum(r.count.promised for r in rows)} simulations, {'clean' if is_clean else 'NOT clean'}"
    )
    return is_clean


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=2.0, help="submissions per second")
    given = parser.parse_args()
    return 0 if asyncio.run(run(given.seed, given.minutes, given.rate)) else 1


if __name__ == "__main__":
    sys.exit(main())
