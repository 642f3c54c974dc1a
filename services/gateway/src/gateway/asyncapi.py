"""The AsyncAPI 3.0 document, made from the contracts: the websocket as clients see it, and the facts on the bus."""

from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from common.contracts.events import SIMULATION_EVENTS, Event
from common.contracts.stream import Frame
from common.heartbeat import Heartbeat
from common.streams import SIMULATIONS, heartbeat_subject, live_subject
from gateway.conversations.described import CHAT_FRAMES, STATUS
from gateway.conversations.described import messages as conversation_messages

_SOCKET_PATH = "/ws/{simulation_id}"
_CLOSE_CODES = (
    "Close codes: 1013 too many sockets, 4001 no key or not any more, 4003 not with this key, 4004 nothing appeared "
    "under this id in time, 4008 the client reads too slowly, 4012 the gateway restarts, 4029 too many client frames, "
    "4400 bad parameter. After 4008 and 4012 resume with `after`."
)
_TO_CLIENT: dict[str, tuple[str, dict[str, Any]]] = {
    "caught_up": (
        "The replay is over: everything stored up to `seq` was sent.",
        {"seq": {"type": "integer"}},
    ),
    "resync": (
        "`after` is higher than anything stored under this id: the stream starts over from 1.",
        {"after": {"type": "integer"}},
    ),
    "pong": (
        "The answer to `ping`.",
        {"seq": {"type": "integer"}, "timestamp": {"type": "string"}},
    ),
    "status": (
        "The answer to `get_status`; `seq` is what this socket was sent, `head` what is stored.",
        {
            "simulation_id": {"type": "string"},
            "status": {"type": "string"},
            "revision": {"type": ["integer", "null"]},
            "seq": {"type": "integer"},
            "head": {"type": "integer"},
        },
    ),
    "subscribed": (
        "The answer to `subscribe_to_updates`.",
        {"categories": {"type": "array", "items": {"type": "string"}}, "seq": {"type": "integer"}},
    ),
    "error": (
        "A frame from the client could not be understood; nothing changed.",
        {"error": {"type": "string"}, "message": {"type": "string"}},
    ),
}
_FROM_CLIENT: dict[str, tuple[str, dict[str, Any]]] = {
    "ping": ("Asks for a `pong`.", {}),
    "get_status": ("Asks how the simulation stands.", {}),
    "subscribe_to_updates": (
        "Chooses the categories that are shown from now on; none: all.",
        {"categories": {"type": "array", "items": {"type": "string"}}},
    ),
}

_NOT_HERE = {"subscribed", "subscribe_to_updates"}
"""A conversation has one category, so there is nothing to choose."""


@cache
def document() -> dict[str, Any]:
    """The whole document; the same for every gateway of this version."""
    shapes: list[type[BaseModel]] = [*SIMULATION_EVENTS, Frame, Heartbeat]
    _, schemas = models_json_schema(
        [(shape, "serialization") for shape in shapes],
        ref_template="#/components/schemas/{model}",
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Scenario Simulator",
            "version": "1.0.0",
            "description": "Live events for clients, and the facts that services exchange on NATS.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "simulation_socket": _socket(),
            "conversation_socket": _conversation_socket(),
            "chat_stream": _chat_stream(),
            **{_name(event): _bus_channel(event) for event in SIMULATION_EVENTS},
            "live": _live(),
            "heartbeat": _heartbeat(),
        },
        "operations": _operations(),
        "components": {"schemas": schemas["$defs"]},
    }


def _name(event: type[Event]) -> str:
    return event.subject.replace(".", "_")


def _text(event: type[Event]) -> str:
    return " ".join((event.__doc__ or "").split())


def _ref(model: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model}"}


def _socket() -> dict[str, Any]:
    messages: dict[str, Any] = {"event": {"summary": "A stored event", "payload": _ref("Frame")}}
    for name, (summary, fields) in (_TO_CLIENT | _FROM_CLIENT).items():
        messages[name] = {"summary": summary, "payload": _control(name, fields)}
    query = {
        "after": {"type": "integer", "minimum": 0, "description": "The last `seq` the client has"},
        "speed": {"type": "number", "description": "Simulated seconds per second"},
        "categories": {"type": "string", "description": "Comma-separated"},
    }
    return {
        "address": _SOCKET_PATH,
        "description": _CLOSE_CODES,
        "parameters": {"simulation_id": {"description": "It may not exist yet"}},
        "bindings": {"ws": {"method": "GET", "query": {"type": "object", "properties": query}}},
        "messages": messages,
    }


def _conversation_socket() -> dict[str, Any]:
    controls = {
        name: known for name, known in (_TO_CLIENT | _FROM_CLIENT).items() if name not in _NOT_HERE
    }
    shown = {
        name: {"summary": summary, "payload": _control(name, fields)}
        for name, (summary, fields) in controls.items()
    }
    shown["status"]["payload"] = STATUS
    query = {"after": {"type": "integer", "minimum": 0, "description": "The last `seq` seen"}}
    return {
        "address": "/ws/conversations/{conversation_id}",
        "description": f"The same frames come from `GET /api/conversations/{{id}}/stream`. {_CLOSE_CODES}",
        "parameters": {"conversation_id": {"description": "It may not exist yet"}},
        "bindings": {"ws": {"method": "GET", "query": {"type": "object", "properties": query}}},
        "messages": conversation_messages() | shown,
    }


def _chat_stream() -> dict[str, Any]:
    return {
        "address": "/chat-stream",
        "description": "Server-sent events that answer one `POST`; the last is `complete` or `error`.",
        "messages": {name: {"payload": schema} for name, schema in CHAT_FRAMES.items()},
    }


def _control(name: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"const": name}, **fields},
    }


def _bus_channel(event: type[Event]) -> dict[str, Any]:
    return {
        "address": f"{event.subject}.{{simulation_id}}",
        "description": f"{_text(event)} Kept in stream {SIMULATIONS.name}.",
        "parameters": {"simulation_id": {"description": "1 to 64 letters, digits, `_` or `-`"}},
        "messages": {event.__name__: {"name": event.__name__, "payload": _ref(event.__name__)}},
    }


def _live() -> dict[str, Any]:
    payload = {
        "type": "object",
        "properties": {
            "tenant": {"type": "string", "description": "Whose they are"},
            "head": {"type": "integer", "description": "The record goes up to here"},
            "frames": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Frames as JSON texts",
            },
        },
    }
    return {
        "address": live_subject("sim", "{simulation_id}"),
        "description": "Core NATS: accepted frames on their way to the sockets of other gateway processes.",
        "parameters": {"simulation_id": {}},
        "messages": {"frames": {"payload": payload}},
    }


def _heartbeat() -> dict[str, Any]:
    return {
        "address": heartbeat_subject("{worker}", "{instance}"),
        "description": "Core NATS: a worker's sign of life.",
        "parameters": {"worker": {}, "instance": {}},
        "messages": {"heartbeat": {"payload": _ref("Heartbeat")}},
    }


def _operations() -> dict[str, Any]:
    def operation(action: str, channel: str, messages: list[str]) -> dict[str, Any]:
        base = f"#/channels/{channel}"
        return {
            "action": action,
            "channel": {"$ref": base},
            "messages": [{"$ref": f"{base}/messages/{name}"} for name in messages],
        }

    return {
        "send_events": operation("send", "simulation_socket", ["event", *_TO_CLIENT]),
        "hear_client": operation("receive", "simulation_socket", [*_FROM_CLIENT]),
        "send_conversation_events": operation(
            "send",
            "conversation_socket",
            [*conversation_messages(), *(n for n in _TO_CLIENT if n not in _NOT_HERE)],
        ),
        "hear_conversation_client": operation(
            "receive", "conversation_socket", [n for n in _FROM_CLIENT if n not in _NOT_HERE]
        ),
        "answer_chat": operation("send", "chat_stream", [*CHAT_FRAMES]),
    }
