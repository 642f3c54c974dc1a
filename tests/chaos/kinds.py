"""What clients ask for in a campaign: simulations and conversations, how they follow them, and what the record must say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rig import REFUND

type Name = Literal["simulation", "conversation"]
type Body = dict[str, Any]

ENDS = {"simulation_completed", "simulation_failed", "simulation_cancelled"}
FERRY = "Should we repair our old ferry, buy a used ferry, or charter one for the summer?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`rows` gives, per id: status, events, head (last seq), ends, and `again`: what happened twice that may once."""

    name: Name
    post: str
    id_field: str
    socket: str
    body: Callable[[str, Mapping[str, Any]], Body]
    is_end: Callable[[Body], bool]
    rows: str
    ended: str


def _simulation(key: str, options: Mapping[str, Any]) -> Body:
    return {"scenario": f"{REFUND} Case {key}.", "options": dict(options)}


def _conversation(key: str, _: Mapping[str, Any]) -> Body:
    body = {"id": key, "goal_description": f"{FERRY} Case {key}."}
    return body | {"settings": {"max_questions": 0}, "auto_start": True}


def _is_over(frame: Body) -> bool:
    is_status = frame["event_type"] == "conversation.status.changed"
    return is_status and frame["payload"].get("status") in {"completed", "failed"}


SIMULATION = Kind(
    name="simulation",
    post="/simulate?wait=none",
    id_field="simulation_id",
    socket="/ws/{}",
    body=_simulation,
    is_end=lambda frame: frame["event_type"] in ENDS,
    rows="""
select s.id, s.status, count(e.seq) as events, coalesce(max(e.seq), 0) as head,
       count(*) filter (where e.event_type in ('simulation_completed', 'simulation_failed', 'simulation_cancelled'))
           as ends,
       count(e.seq) - count(distinct e.event_id)
           + greatest(count(*) filter (where e.event_type = 'tools_mapped') - 1, 0)
           + greatest(count(*) filter (where e.event_type = 'simulation_started') - 1, 0) as again
from simulations s left join events e on e.simulation_id = s.id where s.id = any($1) group by 1, 2
""",
    ended="select count(*) as n from simulations where id = any($1) and status = any($2)",
)

CONVERSATION = Kind(
    name="conversation",
    post="/api/conversations",
    id_field="id",
    socket="/ws/conversations/{}",
    body=_conversation,
    is_end=_is_over,
    # A turn may be given once, a message shown once.
    rows="""
select c.id, c.status, count(e.seq) as events, coalesce(max(e.seq), 0) as head,
       count(*) filter (where e.event_type = 'conversation.status.changed'
           and e.frame::jsonb -> 'payload' ->> 'status' in ('completed', 'failed')) as ends,
       count(*) filter (where e.event_type = 'agent.response.complete')
           - count(distinct e.frame::jsonb -> 'payload' ->> 'turn')
               filter (where e.event_type = 'agent.response.complete')
           + abs(count(*) filter (where e.event_type = 'conversation.message.new')
               - (select count(*) from conversation_messages m where m.conversation_id = c.id)) as again
from conversations c left join conversation_events e on e.conversation_id = c.id where c.id = any($1) group by 1, 2
""",
    ended="select count(*) as n from conversations where id = any($1) and status = any($2)",
)

KINDS: Mapping[Name, Kind] = {"simulation": SIMULATION, "conversation": CONVERSATION}
