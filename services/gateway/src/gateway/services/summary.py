"""The few figures of a run that fit in one line."""

from collections.abc import Mapping
from typing import Any


def figures_summary(baseline: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """From a run's baseline figures (JSON); null where the run does not know, null for no run."""
    if baseline is None:
        return None
    latency = baseline.get("latency_s") or {}
    return {
        "tasks": baseline.get("tasks"),
        "latency_p50_s": _value(latency.get("p50")),
        "latency_p95_s": _value(latency.get("p95")),
        "latency_p99_s": _value(latency.get("p99")),
        "success": _value(baseline.get("success")),
        "cost_usd_per_task": _value(baseline.get("cost_usd_per_task")),
        "cost_is_lower_bound": baseline.get("cost_is_lower_bound", False),
        "throughput_per_min": _value(baseline.get("throughput_per_min")),
    }


def _value(band: Mapping[str, Any] | None) -> float | None:
    return band["value"] if band else None
