"""Finished answers, shared by all workers: the same question is paid for once.

Stored is only what ended with `stop` and, where a shape was asked for, fitted it and passed the rules.
"""

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict

from common.llm.port import Answer, Ask, Usage
from common.llm.shared import Shared, SharedUnavailable

MAX_BYTES = 256 * 1024


class Kept(BaseModel):
    """An answer as stored; its usage was paid when it was made."""

    model_config = ConfigDict(frozen=True)

    text: str
    provider: str
    model: str
    finish_reason: str = "stop"
    prompt_version: str = ""


def is_reusable(ask: Ask) -> bool:
    """A question that would be answered the same again, or one of a named job (a redelivery asks again)."""
    return bool(ask.job) or ask.temperature == 0.0 or ask.seed is not None


def key_of(ask: Ask, *, provider: str, model: str, digest: str, parameters: dict[str, Any]) -> str:
    """SHA-256 over everything that shapes the answer.

    `digest` tells apart weights under one name; the job counts only where the question is not deterministic.
    """
    fixed = ask.temperature == 0.0 or ask.seed is not None
    parts = {
        "provider": provider,
        "model": model,
        "digest": digest,
        "messages": [[message.role, message.content] for message in ask.messages],
        "max_tokens": ask.max_tokens,
        "temperature": ask.temperature,
        "seed": ask.seed,
        "prompt_version": ask.prompt_version,
        "job": "" if fixed else f"{ask.agent}/{ask.job}",
        "parameters": parameters,
    }
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"answer.{hashlib.sha256(canonical.encode()).hexdigest()}"


async def recall(answers: Shared, key: str) -> Answer | None:
    """A stored answer, marked as re-used and costing nothing now; an unreadable one is as none."""
    try:
        entry = await answers.get(key)
        kept = Kept.model_validate_json(entry.value) if entry else None
    except (SharedUnavailable, ValueError):
        return None
    if kept is None:
        return None
    return Answer(**kept.model_dump(), usage=Usage(), is_reused=True, attempts=0)


async def remember(answers: Shared, key: str, answer: Answer) -> None:
    """Store a finished answer; failing to is no failure of the call."""
    if answer.finish_reason != "stop":
        return
    kept = Kept(
        text=answer.text,
        provider=answer.provider,
        model=answer.model,
        prompt_version=answer.prompt_version,
    )
    body = kept.model_dump_json().encode()
    if len(body) > MAX_BYTES:
        return
    try:
        await answers.put(key, body)
    except SharedUnavailable:
        return
