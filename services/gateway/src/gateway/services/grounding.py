"""What the assistant and the deliberation may quote: a simulation's report, slim, with the events that showed it."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.repositories.conversations import ConversationRepository
from gateway.repositories.events import EventRepository
from gateway.repositories.simulations import RESULT_COLUMNS, SimulationRepository
from gateway.repositories.transcripts import TranscriptRepository
from gateway.services.snapshot import head

_NOT_NEEDED = ("spans", "logs", "metrics")
_SHOWN_BY = {
    "scenario_interpreted": "interpretation",
    "architecture_planned": "network",
    "tools_mapped": "network",
    "failures_selected": "failures",
    "narrative": "narrative",
}
_RUN_SOURCE = "SimulationEngine"
MAX_MESSAGES = 500


async def simulation_facts(
    connection: AsyncConnection, simulation_id: str
) -> tuple[dict[str, Any], dict[str, str]] | None:
    """The report of its current revision, and part → id of the event that showed it; None when there is none."""
    repository = SimulationRepository(connection)
    simulation = await repository.get(simulation_id)
    if simulation is None:
        return None
    revision = await repository.get_revision(
        simulation_id, simulation.revision, results=RESULT_COLUMNS
    )
    assert revision is not None, "every simulation has its current revision"
    report = head(simulation) | {name: getattr(revision, name) for name in RESULT_COLUMNS}
    if report.get("narrative"):
        told = {k: v for k, v in report["narrative"].items() if k not in _NOT_NEEDED}
        report["narrative"] = told
    if report.get("run"):
        report["run"] = _slim_run(report["run"])
    shown = await EventRepository(connection).shown(simulation_id, simulation.revision)
    sources = {_SHOWN_BY[kind]: event_id for kind, _, event_id in shown if kind in _SHOWN_BY}
    run = [i for kind, source, i in shown if kind == "observability" and source == _RUN_SOURCE]
    return report, sources | ({"run": run[-1]} if run else {})


def _slim_run(run: dict[str, Any]) -> dict[str, Any]:
    """Without the journey, and without the figures per agent of every failure: only the baseline's are quoted."""
    slim = {name: value for name, value in run.items() if name != "journey"}
    for name in ("failures", "mitigated"):
        slim[name] = [_without_agents(outcome) for outcome in run.get(name) or ()]
    if run.get("all_failures"):
        slim["all_failures"] = _without_agents(run["all_failures"])
    return slim


def _without_agents(outcome: dict[str, Any]) -> dict[str, Any]:
    return outcome | {"figures": outcome["figures"] | {"agents": []}}


async def conversation_facts(
    connection: AsyncConnection, conversation_id: str
) -> dict[str, Any] | None:
    """Head, decision, questions and messages of a conversation; None when there is none."""
    found = await ConversationRepository(connection).get(conversation_id)
    if found is None:
        return None
    transcript = TranscriptRepository(connection)
    said = await transcript.page(conversation_id, limit=MAX_MESSAGES)
    return {
        "conversation_id": found.id,
        "goal_description": found.goal_description,
        "status": found.status,
        "phase": found.phase,
        "final_summary": found.final_summary,
        "decision": found.decision,
        "pending_question": found.pending_question,
        "questions": [
            {key: row[key] for key in ("id", "text", "why", "status", "message_id")}
            for row in await transcript.questions_of(conversation_id)
        ],
        "messages": [
            {
                key: row[key]
                for key in (
                    "id",
                    "sender_id",
                    "agent_name",
                    "sender_type",
                    "content",
                    "message_type",
                    "phase",
                )
            }
            for row in said
        ],
    }
