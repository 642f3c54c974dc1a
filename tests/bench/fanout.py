"""How delivery to websockets grows with their number, beside a raw broadcast to as many in the same run.

    python tests/bench/fanout.py [CLIENTS,…]        (default 50,200,1000,2000; starts a stack of its own)

All clients watch one simulation from its first event; they share this process with the raw server, and the processor
with the stack: ratios mean more than milliseconds. `streaming.py` says how latency is measured.
"""

import asyncio
import resource
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.streaming import raw, watch
from rig import running_stack


async def main(counts: list[int]) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(
        f"{'clients':>8}{'frames':>9}{'p50 ms':>9}{'p99 ms':>9}{'raw p50':>9}{'raw p99':>9}{'p99 ÷ raw':>11}{'missing':>9}{'disorder':>9}"
    )
    with running_stack() as stack:
        await watch(stack, 2, same=True)  # warm up
        for count in counts:
            bare, _, _ = await raw(count)
            ours, missing, disorder = await watch(stack, count, same=True)
            one, two = statistics.quantiles(ours, n=100), statistics.quantiles(bare, n=100)
            print(
                f"{count:8}{len(ours):9}{one[49]:9.1f}{one[98]:9.1f}{two[49]:9.1f}{two[98]:9.1f}{one[98] / two[98]:11.1f}{missing:9}{disorder:9}",
                flush=True,
            )


if __name__ == "__main__":
    wanted = sys.argv[1] if len(sys.argv) > 1 else "50,200,1000,2000"
    asyncio.run(main([int(count) for count in wanted.split(",")]))
