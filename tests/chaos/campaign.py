"""One stack, one load, one fault after the other; what is submitted counts for the fault it was submitted under."""

import asyncio
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from chaos.faults import Fault
from chaos.judge import Count, judge, settled
from chaos.ledger import Ledger
from chaos.load import Answers, Load
from rig import Stack, finished

PROBE_WITHIN_S = 300.0
TALK_EVERY = 3
"""Every third request is a conversation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`recovered_s`: from the mending until a new simulation had gone all the way through, behind all that waited."""

    fault: str
    seed: int
    count: Count
    recovered_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    rows: list[Row]
    answers: Answers
    given_up: int
    reconnects: int
    took_s: float

    @property
    def is_clean(self) -> bool:
        return (
            all(row.count.is_clean for row in self.rows)
            and not self.given_up
            and not self.answers.bare_503
        )


async def campaign(
    stack: Stack,
    faults: Mapping[str, Fault],
    *,
    seed: int,
    rate_per_s: float,
    readers: int = 1,
    calm_s: float = 1.0,
    settle_s: float = 240.0,
) -> Result:
    """Apply `faults` in order under load, with `calm_s` seconds before each, and judge at the end."""
    began = time.monotonic()
    chance = random.Random(seed)
    ledger = Ledger(stack.data_dir / f"ledger-{seed}.jsonl")
    load = Load(stack, ledger, rate_per_s=rate_per_s, readers=readers, talk_every=TALK_EVERY)
    submitting = asyncio.create_task(load.run(f"chaos-{seed}"))
    recovered: dict[str, float | None] = {}
    for name, fault in faults.items():
        load.fault = name
        await asyncio.sleep(calm_s)
        await fault(stack, chance)
        recovered[name] = await _recovery(
            stack, load, f"probe-{seed}-{name.replace(' ', '-')}", name
        )
    submitting.cancel()
    with suppress(asyncio.CancelledError):
        await submitting
    await settled(stack, ledger.read(), settle_s)
    await load.rest(30)
    promises = ledger.read()
    rows = [
        Row(
            fault=name,
            seed=seed,
            count=await judge(stack, [p for p in promises if p.fault == name], load.transcripts),
            recovered_s=seconds,
        )
        for name, seconds in recovered.items()
    ]
    return Result(
        rows=rows,
        answers=load.answers,
        given_up=load.given_up,
        reconnects=sum(max(0, t.connections - 1) for t in load.transcripts),
        took_s=time.monotonic() - began,
    )


async def _recovery(stack: Stack, load: Load, key: str, fault: str) -> float | None:
    began = time.monotonic()
    simulation_id = await load.submit(key, fault)
    if simulation_id is None:
        return None
    async with stack.client() as client:
        try:
            await finished(client, simulation_id, PROBE_WITHIN_S)
        except TimeoutError:
            return None
    return time.monotonic() - began


def table(result: Result) -> str:
    """The rows as Markdown, then what the service answered."""
    lines = [
        "| fault | simulations | conversations | seed | lost | doubled | unfinished | failed | gaps | repeats | disorder | disagree | recovered s |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in result.rows:
        c = row.count
        recovered = "never" if row.recovered_s is None else f"{row.recovered_s:.1f}"
        cells = (
            row.fault,
            c.promised - c.conversations,
            c.conversations,
            row.seed,
            c.lost,
            c.doubled,
            c.unfinished,
            c.failed,
            c.gaps,
            c.repeats,
        )
        lines.append(
            f"| {' | '.join(map(str, (*cells, c.disorder, c.disagreements, recovered)))} |"
        )
    total = sum(row.count.promised for row in result.rows)
    talks = sum(row.count.conversations for row in result.rows)
    answers = ", ".join(f"{name} × {n}" for name, n in sorted(result.answers.statuses.items()))
    lines += [
        "",
        f"{total - talks} simulations and {talks} conversations in {result.took_s:.0f} s; readers reconnected {result.reconnects} times; answers: {answers}; "
        f"503 without Retry-After: {result.answers.bare_503}; never accepted: {result.given_up}.",
    ]
    return "\n".join(lines)
