"""Search over 100,000 messages, like conversations among 10,000: `python tests/bench/conversations_at_scale.py`.

Floors of issue 6: p95 ≤ 50 ms each. The texts are made of real turns of the deliberation engine on made-up problems,
so that common words are as common as they will be.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import text

from common.contracts.conversations import UserInput
from common.testing import postgres_server
from conversation.rules.deliberation.turn import opened, run_through
from gateway.conversations.embedding import embed, literal
from gateway.database import Database, TenantDatabase
from gateway.migrations import upgrade
from gateway.services.history import HistoryService
from gateway.settings import GatewaySettings

CONVERSATIONS, MESSAGES = 10_000, 100_000
ROUNDS = 300
T0 = datetime(2026, 1, 1, tzinfo=UTC)

_VERBS = ("reduce", "improve", "organise", "automate", "replace", "sell", "plan", "cut")
_THINGS = (
    "waiting time", "food waste", "delivery routes", "the billing system", "summer courses", "energy use", "returns",
    "ticket sales", "the archive", "night shifts", "bike parking", "the onboarding", "spare parts", "home visits",
)  # fmt: skip
_PLACES = (
    "clinic",
    "canteen",
    "warehouse",
    "school",
    "library",
    "port",
    "hotel",
    "vineyard",
    "museum",
    "laboratory",
)
_BOUNDS = (
    "before summer",
    "within six months",
    "for under $20,000",
    "without new staff",
    "by March",
)


def problems(count: int, chance: random.Random) -> list[str]:
    return [
        f"We must {chance.choice(_VERBS)} {chance.choice(_THINGS)} in our {chance.choice(_PLACES)} "
        f"{chance.choice(_BOUNDS)}, and {chance.choice(('customers', 'nurses', 'students', 'drivers'))} "
        f"complain about {chance.choice(_THINGS)}."
        for _ in range(count)
    ]


def transcript(goal: str) -> list[str]:
    _, turns = run_through(opened("b", goal), lambda q: UserInput(kind="skipped", question_id=q.id))
    return [said.content for turn in turns for said in turn.said]


async def fill(database: Database, chance: random.Random) -> None:
    goals = problems(CONVERSATIONS, chance)
    spoken = [line for goal in goals[:150] for line in transcript(goal)]
    async with database.transaction() as connection:
        await connection.execute(text("SET LOCAL statement_timeout = 0"))
        for start in range(0, CONVERSATIONS, 1_000):
            rows = [
                {"id": f"c{n}", "goal": goals[n], "at": T0 + timedelta(minutes=n)}
                for n in range(start, start + 1_000)
            ]
            await connection.execute(
                text(
                    "INSERT INTO conversations (id, goal_description, status, created_at)"
                    " VALUES (:id, :goal, 'completed', :at)"
                ),
                rows,
            )
            vectors = [{"id": row["id"], "v": literal(embed(str(row["goal"])))} for row in rows]
            await connection.execute(
                text("UPDATE conversations SET embedding = CAST(:v AS vector) WHERE id = :id"),
                vectors,
            )
        for start in range(0, MESSAGES, 5_000):
            rows = [
                {
                    "id": str(uuid4()),
                    "c": f"c{n % CONVERSATIONS}",
                    "n": n // CONVERSATIONS + 1,
                    "s": chance.choice(
                        ("project_manager", "quality_assurance", "technical_architect")
                    ),
                    "t": chance.choice(spoken),
                    "at": T0 + timedelta(seconds=n),
                }
                for n in range(start, start + 5_000)
            ]
            await connection.execute(
                text(
                    "INSERT INTO conversation_messages (id, conversation_id, number, sender_type, sender_id,"
                    " content, message_type, phase, created_at)"
                    " VALUES (:id, :c, :n, 'agent', :s, :t, 'discussion', 'discussion', :at)"
                ),
                rows,
            )
    async with database.engine.connect() as connection:
        raw = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await raw.execute(text("ANALYZE"))


async def timed(name: str, ask: Callable[[random.Random], Awaitable[object]]) -> None:
    chance, took = random.Random(7), []
    for _ in range(20):
        await ask(chance)
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await ask(chance)
        took.append((time.perf_counter() - began) * 1_000)
    took.sort()
    print(
        f"{name:<46} p50 {took[ROUNDS // 2]:6.1f} ms   p95 {took[int(ROUNDS * 0.95)]:6.1f} ms   max {took[-1]:6.1f} ms"
    )


async def measure(url: str) -> None:
    settings = GatewaySettings.model_validate({"database_url": url, "statement_timeout_s": 60})
    database = Database(settings)
    began = time.perf_counter()
    await fill(database, random.Random(1))
    print(
        f"{CONVERSATIONS:,} conversations, {MESSAGES:,} messages in {time.perf_counter() - began:.0f} s"
    )
    history = HistoryService(TenantDatabase(settings), database, uuid4)

    def search(
        words: tuple[str, ...], *, is_phrase: bool = False, **filters: object
    ) -> Callable[[random.Random], Awaitable[object]]:
        return lambda chance: history.search(
            chance.choice(words), is_phrase=is_phrase, filters=filters, limit=20, offset=0
        )

    rare = ("warehouse vineyard", "museum night shifts", "laboratory -cost", "spare parts returns")
    common = ("option", "cost", "workload", "score", "because")
    await timed("search, rare words", search(rare))
    await timed("search, words in most messages", search(common))
    await timed(
        "search, phrase", search(("waiting time", "stop rule", "a fast lane"), is_phrase=True)
    )
    await timed(
        "search, common word, one agent, one status",
        search(common, agent="quality_assurance", status="completed"),
    )
    await timed("similar", lambda chance: history.similar(f"c{chance.randrange(CONVERSATIONS)}", 5))
    await database.close()


def main() -> None:
    with postgres_server() as server:
        upgrade(server.url)
        asyncio.run(measure(server.url))


if __name__ == "__main__":
    main()
