"""Counts what went wrong, three times over: from the ledger, from SQL, and from what readers saw."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from chaos.ledger import Promise
from chaos.load import Transcript
from rig import TERMINAL, Stack

_ROWS = """
select s.id as simulation_id, s.status,
       count(e.seq) as events, coalesce(max(e.seq), 0) as head, count(distinct e.event_id) as ids,
       count(*) filter (where e.event_type in ('simulation_completed', 'simulation_failed', 'simulation_cancelled'))
           as ends,
       count(*) filter (where e.event_type = 'tools_mapped') as networks,
       count(*) filter (where e.event_type = 'simulation_started') as starts
from simulations s left join events e on e.simulation_id = s.id
where s.id = any($1) group by 1, 2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """All but `promised` and `completed` must be 0. `disagreements`: readers and record tell different stories."""

    promised: int
    completed: int
    lost: int
    doubled: int
    unfinished: int
    failed: int
    gaps: int
    repeats: int
    disorder: int
    disagreements: int

    @property
    def is_clean(self) -> bool:
        return self.promised == self.completed and not any(
            (
                *(self.lost, self.doubled, self.unfinished, self.failed),
                *(self.gaps, self.repeats, self.disorder, self.disagreements),
            )
        )


async def settled(stack: Stack, promises: Sequence[Promise], within_s: float) -> float:
    """Wait until every promised simulation has ended; how many seconds that took."""
    ids = [promise.simulation_id for promise in promises]
    began = time.monotonic()
    sql = "select count(*) as n from simulations where id = any($1) and status = any($2)"
    while time.monotonic() - began < within_s:
        try:
            rows = await stack.query(sql, ids, sorted(TERMINAL))
        except (OSError, TimeoutError):
            rows = []
        if rows and rows[0]["n"] == len(set(ids)):
            break
        await asyncio.sleep(0.5)
    return time.monotonic() - began


async def judge(
    stack: Stack, promises: Sequence[Promise], transcripts: Sequence[Transcript]
) -> Count:
    """Count over these promises and the readers of them."""
    ids = {promise.simulation_id for promise in promises}
    rows = {row["simulation_id"]: row for row in await stack.query(_ROWS, sorted(ids))}
    keys = Counter(promise.key for promise in promises)
    states = Counter(row["status"] for row in rows.values())
    doubled_rows = sum(
        row["ids"] != row["events"] or row["ends"] > 1 or row["networks"] > 1 or row["starts"] > 1
        for row in rows.values()
    )
    seen = [transcript for transcript in transcripts if transcript.simulation_id in ids]
    return Count(
        promised=len(promises),
        completed=states["completed"],
        lost=len(ids - set(rows)),
        doubled=doubled_rows + sum(n > 1 for n in keys.values()) + len(promises) - len(ids),
        unfinished=sum(state not in TERMINAL for state in states.elements()),
        failed=states["failed"] + states["cancelled"],
        gaps=sum(row["events"] != row["head"] for row in rows.values())
        + sum(_gaps(transcript.seqs) for transcript in seen),
        repeats=sum(len(t.seqs) - len(set(t.seqs)) for t in seen)
        + sum(len(t.event_ids) - len(set(t.event_ids)) for t in seen),
        disorder=sum(_disorder(transcript.seqs) for transcript in seen),
        disagreements=sum(
            not t.is_over or len(t.seqs) != rows[t.simulation_id]["events"]
            for t in seen
            if t.simulation_id in rows
        ),
    )


def _gaps(seqs: Sequence[int]) -> int:
    return (max(seqs) - len(set(seqs))) if seqs else 0


def _disorder(seqs: Sequence[int]) -> int:
    return sum(b <= a for a, b in pairwise(seqs))
