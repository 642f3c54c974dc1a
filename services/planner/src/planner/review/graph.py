"""Reads any graph a frontend draws into one shape; says which field it could not read."""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Any, Literal, cast

from common.errors import DomainError

type NodeType = Literal["agent", "tool", "db", "input", "output", "human"]
type Row = Mapping[str, Any]

MAX_NODES, MAX_EDGES = (
    500,
    5_000,
)  # beyond this nobody reads a drawing, and the checks are quadratic


class UnreadableGraphError(DomainError):
    """The graph cannot be judged; the message names the field."""

    code = "unreadable_graph"


@dataclass(frozen=True, slots=True)
class Node:
    """A node in one spelling. `zone` is None where none, or none we know, is given."""

    id: str
    name: str
    type: NodeType
    zone: str | None
    is_verifier: bool
    is_irreversible: bool
    is_observer: bool
    converses: bool
    is_replicated: bool
    """Several instances of it run, so the loss of one is no loss of all."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A directed edge. `max_iterations` bounds a way back; `observed` is None where nobody says."""

    source: str
    target: str
    label: str
    kind: str
    max_iterations: int | None
    observed: bool | None
    is_conditional: bool = False
    """The edge is taken under a stated condition only ("up to 100 EUR")."""
    is_choice: bool = False
    """The edge is one of several ways that exclude each other."""

    @property
    def is_call(self) -> bool:
        """The source waits for the answer, so the flow comes back without an edge of its own."""
        return self.kind == "call" or _says(f"{self.kind} {self.label}", "call")

    @property
    def is_answer(self) -> bool:
        """The edge only brings an answer back."""
        return self.kind in {"return", "answer", "response"} or _says(self.label, "answer")


@dataclass(frozen=True)
class Graph:
    """Nodes by id in the order given, the edges between them, and edges that lead nowhere."""

    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    dangling: tuple[Edge, ...] = ()

    @cached_property
    def into(self) -> Mapping[str, tuple[Edge, ...]]:
        """The edges that lead to each node."""
        return self._by(lambda edge: edge.target)

    @cached_property
    def out(self) -> Mapping[str, tuple[Edge, ...]]:
        """The edges that leave each node."""
        return self._by(lambda edge: edge.source)

    def _by(self, end: Callable[[Edge], str]) -> Mapping[str, tuple[Edge, ...]]:
        found: dict[str, list[Edge]] = {node: [] for node in self.nodes}
        for edge in self.edges:
            found[end(edge)].append(edge)
        return {node: tuple(edges) for node, edges in found.items()}

    def of(self, *types: NodeType) -> tuple[Node, ...]:
        """The nodes of these types."""
        return tuple(node for node in self.nodes.values() if node.type in types)

    def names(self, ids: Sequence[str]) -> str:
        """Names for a sentence."""
        return ", ".join(self.nodes[node].name if node in self.nodes else node for node in ids)


@cache
def spelling() -> dict[str, Any]:
    """The table of spellings."""
    file = resources.files("planner.review").joinpath("spelling.toml")
    return tomllib.loads(file.read_text("utf-8"))


def parse(nodes: Sequence[object], edges: Sequence[object]) -> Graph:
    """The graph in one shape.

    Raises:
        UnreadableGraphError: a field is missing, of a wrong type, repeated, or there is too much of it.
    """
    _check_sizes(nodes, edges)
    read: dict[str, Node] = {}
    for n, row in enumerate(nodes):
        node = _node(_mapping(row, f"nodes[{n}]"), f"nodes[{n}]")
        if node.id in read:
            raise UnreadableGraphError(f"nodes[{n}].id {node.id!r} is used by another node already")
        read[node.id] = node
    drawn = [_edge(_mapping(row, f"edges[{n}]"), f"edges[{n}]") for n, row in enumerate(edges)]
    inside = [e.source in read and e.target in read for e in drawn]
    return Graph(
        read,
        tuple(e for e, is_inside in zip(drawn, inside, strict=True) if is_inside),
        tuple(e for e, is_inside in zip(drawn, inside, strict=True) if not is_inside),
    )


def _check_sizes(nodes: object, edges: object) -> None:
    for field, rows, most in (("nodes", nodes, MAX_NODES), ("edges", edges, MAX_EDGES)):
        if not isinstance(rows, Sequence) or isinstance(rows, str | bytes):
            raise UnreadableGraphError(f"{field} must be a list")
        if len(rows) > most:
            raise UnreadableGraphError(
                f"{field} has {len(rows)} items; at most {most} can be judged"
            )
    if not nodes:
        raise UnreadableGraphError("nodes is empty; there is nothing to judge")


def _mapping(row: object, field: str) -> Row:
    if not isinstance(row, Mapping):
        raise UnreadableGraphError(f"{field} must be an object, not {type(row).__name__}")
    return row


def _get(row: Row, table: str, key: str) -> Any:
    """The first value found under a known spelling, at the top or inside `data`."""
    data = row.get("data")
    places = (row, data) if isinstance(data, Mapping) else (row,)
    for name in spelling()[table][key]:
        for place in places:
            if place.get(name) is not None:
                return place[name]
    return None


def _node(row: Row, field: str) -> Node:
    node_id = _text(_get(row, "node", "id") or _get(row, "node", "name"), f"{field}.id")
    name = _text(_get(row, "node", "name") or node_id, f"{field}.label")
    node_type = _type(row, field, name)
    effect = str(_get(row, "node", "side_effect") or "").lower()
    acts = node_type in {"agent", "tool"} and _says(name, "irreversible")
    # an agent whose tools are listed can do for good what they can, whatever it is called
    acts = acts and not _says(name, "looking") and not isinstance(row.get("tools"), Sequence)
    said = _get(row, "node", "irreversible")
    return Node(
        id=node_id,
        name=name,
        type=node_type,
        zone=_zone(_get(row, "node", "zone")),
        is_verifier=node_type == "agent"
        and _flag(_get(row, "node", "verifier"), _says(name, "verify")),
        is_irreversible=effect == "irreversible"
        or _flag(said, acts and effect in {"", "irreversible"}),
        is_observer=_says(name, "observe"),
        converses=_says(name, "converse"),
        is_replicated=str(_get(row, "node", "instances") or "1").strip() not in {"0", "1"},
    )


def _flag(said: object, otherwise: bool) -> bool:
    return bool(said) if isinstance(said, bool) else otherwise


def _type(row: Row, field: str, name: str) -> NodeType:
    """The type by its words. A library's own type ("default", "custom") yields to a telling one inside `data`."""
    data = row.get("data")
    inner = data if isinstance(data, Mapping) else {}
    said = [place.get(key) for place in (inner, row) for key in spelling()["node"]["type"]]
    texts = [str(value) for value in said if isinstance(value, str) and value.strip()]
    for text in texts:
        if (found := _word_of(text, "type")) is not None:
            if (
                found == "tool"
                and _word_of(str(_get(row, "node", "capability") or ""), "type") == "db"
            ):
                return "db"
            is_person = found == "agent" and _says(name, "approve") and not _says(name, "verify")
            return "human" if is_person and "human" in name.lower() else cast("NodeType", found)
    if texts:
        known = "agent, tool, db, input, output, human"
        raise UnreadableGraphError(f"{field}.type {texts[0]!r} is none of {known}")
    return "agent"


def _zone(said: object) -> str | None:
    return _word_of(said, "zone") if isinstance(said, str) else None


def _spaced(text: str) -> str:
    """The text with its camel-case words apart."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)


def _word_of(text: str, table: str) -> str | None:
    """The entry of the table that the text names, as a whole or by one of its words ("llmAgent", "vector-db")."""
    plain = _spaced(text).lower().strip()
    parts = [plain, *re.findall(r"[a-z]+", plain)]
    entries = spelling()[table]
    for part in parts:
        for name, words in entries.items():
            if part == name or part in words:
                return str(name)
    return None


def _says(text: str, what: str) -> bool:
    """Whether a word of the text begins with one of the table's words."""
    plain = _spaced(text).replace("_", " ").lower()
    return any(re.search(rf"\b{re.escape(word)}", plain) for word in spelling()["does"][what])


def _edge(row: Row, field: str) -> Edge:
    label = _get(row, "edge", "label")
    bound = _get(row, "edge", "max_iterations")
    observed = _get(row, "edge", "observed")
    return Edge(
        source=_end(row, "source", field),
        target=_end(row, "target", field),
        label=label if isinstance(label, str) else "",
        kind=str(_get(row, "edge", "kind") or "").lower(),
        max_iterations=_bound(bound, label, field),
        observed=observed if isinstance(observed, bool) else None,
        is_conditional=bool(_get(row, "edge", "condition")),
        is_choice=bool(_get(row, "edge", "condition")) or _get(row, "edge", "share") is not None,
    )


def _end(row: Row, key: str, field: str) -> str:
    value = _get(row, "edge", key)
    if isinstance(value, Mapping):
        value = _get(value, "node", "id")
    return _text(value, f"{field}.{key}")


def _bound(value: object, label: object, field: str) -> int | None:
    """The bound as a number, or as the label says it ("max 3")."""
    if value is None and isinstance(label, str):
        said = re.search(r"(?:max(?:imum)?|at most|up to|≤|<=)\D{0,12}(\d+)", label.lower())
        value = said[1] if said else None
    if value is None:
        return None
    try:
        number = int(str(value))
    except ValueError:
        raise UnreadableGraphError(f"{field}.max_iterations {value!r} is no whole number") from None
    if number < 1:
        raise UnreadableGraphError(f"{field}.max_iterations must be 1 or more, not {number}")
    return number


def _text(value: object, field: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise UnreadableGraphError(f"{field} is missing or is no text")
    text = str(value).strip()
    if not text:
        raise UnreadableGraphError(f"{field} is blank")
    return text
