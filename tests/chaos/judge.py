"""Counts what went wrong, three times over: from the ledger, from SQL, and from what readers saw."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

from chaos.kinds import KINDS, Kind
from chaos.ledger import Promise
from chaos.load import Transcript
from rig import TERMINAL, Stack


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
    conversations: int = 0
    """How many of `promised` are conversations."""

    @property
    def is_clean(self) -> bool:
        return self.promised == self.completed and not any(
            (
                *(self.lost, self.doubled, self.unfinished, self.failed),
                *(self.gaps, self.repeats, self.disorder, self.disagreements),
            )
        )


async def settled(stack: Stack, promises: Sequence[Promise], within_s: float) -> float:
    """Wait until everything promised has ended; how many seconds that took."""
    began = time.monotonic()
    while time.monotonic() - began < within_s and not await _have_ended(stack, promises):
        await asyncio.sleep(0.5)
    return time.monotonic() - began


async def _have_ended(stack: Stack, promises: Sequence[Promise]) -> bool:
    try:
        for kind in KINDS.values():
            ids = _ids(promises, kind)
            (row,) = await stack.query(kind.ended, ids, sorted(TERMINAL))
            if row["n"] != len(ids):
                return False
    except (OSError, TimeoutError):
        return False
    return True


async def judge(
    stack: Stack, promises: Sequence[Promise], transcripts: Sequence[Transcript]
) -> Count:
    """Count over these promises and the readers of them."""
    counts = [
        await _judge_kind(
            stack,
            kind,
            [promise for promise in promises if promise.kind == kind.name],
            [transcript for transcript in transcripts if transcript.kind is kind],
        )
        for kind in KINDS.values()
    ]
    return Count(
        conversations=counts[-1].promised,
        **{
            field.name: sum(getattr(count, field.name) for count in counts)
            for field in fields(Count)
            if field.name != "conversations"
        },
    )


async def _judge_kind(
    stack: Stack, kind: Kind, promises: Sequence[Promise], transcripts: Sequence[Transcript]
) -> Count:
    ids = set(_ids(promises, kind))
    rows = {row["id"]: row for row in await stack.query(kind.rows, sorted(ids))}
    keys = Counter(promise.key for promise in promises)
    states = Counter(row["status"] for row in rows.values())
    doubled_rows = sum(bool(row["again"]) or row["ends"] > 1 for row in rows.values())
    seen = [transcript for transcript in transcripts if transcript.record_id in ids]
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
            not t.is_over or len(t.seqs) != rows[t.record_id]["events"]
            for t in seen
            if t.record_id in rows
        ),
    )


def _ids(promises: Sequence[Promise], kind: Kind) -> list[str]:
    return sorted({promise.record_id for promise in promises if promise.kind == kind.name})


def _gaps(seqs: Sequence[int]) -> int:
    return (max(seqs) - len(set(seqs))) if seqs else 0


def _disorder(seqs: Sequence[int]) -> int:
    return sum(b <= a for a, b in pairwise(seqs))
