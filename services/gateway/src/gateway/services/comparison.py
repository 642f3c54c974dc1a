"""What differs between two simulations: figures, network, options. Pure."""

from collections.abc import Mapping
from typing import Any

from gateway.services.snapshot import Snapshot
from gateway.services.summary import figures_summary


def compare(a: Snapshot, b: Snapshot) -> dict[str, Any]:
    """`delta` is b minus a; null where either side does not know. Both must have a run."""
    return {
        "a": _side(a),
        "b": _side(b),
        "figures": _figures(a, b),
        "network": _network(a.revision.network or {}, b.revision.network or {}),
        "options": _options(a.revision.options, b.revision.options),
    }


def _side(snapshot: Snapshot) -> dict[str, Any]:
    network = snapshot.revision.network or {}
    return {
        "simulation_id": snapshot.simulation.id,
        "revision": snapshot.revision.revision,
        "status": snapshot.simulation.status,
        "pattern": network.get("pattern"),
        "agents": len(network.get("agents", ())),
        "summary": _summary(snapshot),
    }


def _summary(snapshot: Snapshot) -> dict[str, Any]:
    return figures_summary((snapshot.revision.run or {}).get("baseline")) or {}


def _figures(a: Snapshot, b: Snapshot) -> dict[str, Any]:
    left, right = _summary(a), _summary(b)
    names = [name for name in left if not isinstance(left[name], bool)]
    return {name: _delta(left.get(name), right.get(name)) for name in names}


def _delta(a: float | None, b: float | None) -> dict[str, float | None]:
    if a is None or b is None:
        return {"a": a, "b": b, "delta": None, "ratio": None}
    return {"a": a, "b": b, "delta": b - a, "ratio": b / a if a else None}


def _network(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "agents": _sets(_keys(a, "agents", "id"), _keys(b, "agents", "id")),
        "tools": _sets(_keys(a, "tools", "name"), _keys(b, "tools", "name")),
        "connections": _sets(_edges(a), _edges(b)),
        "pattern": {"a": a.get("pattern"), "b": b.get("pattern")},
    }


def _keys(network: Mapping[str, Any], part: str, key: str) -> set[str]:
    return {item[key] for item in network.get(part, ())}


def _edges(network: Mapping[str, Any]) -> set[str]:
    return {
        f"{edge['source']}->{edge['target']} ({edge['kind']})"
        for edge in network.get("connections", ())
    }


def _sets(a: set[str], b: set[str]) -> dict[str, list[str]]:
    return {"only_a": sorted(a - b), "only_b": sorted(b - a), "both": sorted(a & b)}


def _options(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    names = sorted(a.keys() | b.keys())
    return {n: {"a": a.get(n), "b": b.get(n)} for n in names if a.get(n) != b.get(n)}
