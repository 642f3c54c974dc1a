"""What differs between two simulations: figures, network, options, and how sure the difference is."""

from collections.abc import Mapping
from typing import Any

from common.contracts.comparing import CompareAnswered, CompareAsked, CompareSide
from common.contracts.network import Network
from common.contracts.scenario import SimulationOptions
from common.streams import COMPARE_ASK
from gateway.errors import Unavailable
from gateway.services.asking import Asking
from gateway.services.records import RecordService
from gateway.services.snapshot import Snapshot
from gateway.services.summary import figures_summary


class ComparisonService:
    def __init__(self, records: RecordService, asking: Asking) -> None:
        self._records = records
        self._asking = asking

    async def compare(self, a: str, b: str) -> dict[str, Any]:
        """What differs between two simulations; each may be `id` or `id@revision`.

        `difference` is null, with the reason in `difference_problem`, while no simulation worker answers:
        what the record holds is shown all the same.

        Raises:
            SimulationNotFound: one of them does not exist.
            ResultNotReady: one of them has no run yet.
        """
        left, right = await self._records.with_run(a), await self._records.with_run(b)
        found, problem = await self._difference(left, right)
        return compare(left, right) | {"difference": found, "difference_problem": problem}

    async def _difference(
        self, a: Snapshot, b: Snapshot
    ) -> tuple[dict[str, Any] | None, str | None]:
        asked = CompareAsked(a=_asked(a), b=_asked(b))
        try:
            answered = await self._asking.ask(
                COMPARE_ASK, asked, CompareAnswered, whom="simulation worker"
            )
        except Unavailable as error:
            return None, str(error)
        if answered.problem is not None:
            return None, answered.problem
        return answered.model_dump(mode="json", exclude={"problem"}), None


def _asked(snapshot: Snapshot) -> CompareSide:
    """With the arrivals of its own run, so that the paired run repeats what was shown."""
    run = snapshot.revision.run or {}
    options = SimulationOptions.model_validate(snapshot.revision.options)
    return CompareSide(
        network=Network.model_validate(snapshot.revision.network),
        options=options.model_copy(
            update={"arrival_rate_per_min": run.get("arrival_rate_per_min")}
        ),
    )


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
