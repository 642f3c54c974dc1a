"""The mitigations of a mode, with parameters filled in for the place it strikes."""

from collections.abc import Callable

from common.contracts.failures import Mitigation
from failure.rules.catalogue import Entry, Parameters, mitigations
from failure.rules.strike import Strike
from failure.rules.view import View

_FALLBACK = {"small": "medium", "medium": "small", "large": "medium", "reasoning": "large"}
_DEFAULT_TIMEOUT_S = 30.0  # assumed where no latency is known: above the p99 of MCP calls (6.2 s)
_HUMAN_TIMEOUT_S = 3_600.0  # assumed: one hour, then the deputy
_TIMEOUT_MARGIN = 3.0  # assumed: three times p95 is about p99.9 of a lognormal with sigma 1
_BUDGET_FACTOR = 5.0  # assumed: five times the forecast cost marks a runaway task
_DEFAULT_BUDGET_USD = 1.0  # assumed: three times a clean run of 0.33 USD (hugomn/...@a78d52e)


def _timeout_s(view: View, strike: Strike) -> float:
    if view.agents[strike.at].kind == "human":
        return _HUMAN_TIMEOUT_S
    tool = view.tools.get(strike.tool or "")
    p95 = tool.latency_p95_s if tool else None
    return round(p95 * _TIMEOUT_MARGIN, 3) if p95 else _DEFAULT_TIMEOUT_S


def _fallback_model(view: View, strike: Strike) -> str:
    return _FALLBACK[view.agents[strike.at].model_class or "medium"]


def _quorum(_view: View, strike: Strike) -> int:
    return max(1, len(strike.targets) - 1)


def _budget_usd(view: View, _strike: Strike) -> float:
    forecast = view.network.forecast
    cost = forecast.cost_usd_per_task if forecast else None
    return round(cost.value * _BUDGET_FACTOR, 4) if cost and cost.value > 0 else _DEFAULT_BUDGET_USD


def _concurrency(view: View, strike: Strike) -> int:
    return view.agents[strike.at].concurrency + 1


_AUTO: dict[str, Callable[[View, Strike], float | int | str]] = {
    "timeout_s": _timeout_s,
    "fallback_model": _fallback_model,
    "quorum": _quorum,
    "budget_usd": _budget_usd,
    "concurrency": _concurrency,
}


def _filled(parameters: Parameters, view: View, strike: Strike) -> Parameters:
    return {
        key: _AUTO[key](view, strike) if value == "auto" else value
        for key, value in parameters.items()
    }


def _is_there_already(key: str, view: View, strike: Strike) -> bool:
    """What the network does already is no mitigation."""
    if key in ("verifier", "verifier_early"):
        return view.is_checked_after(strike.at)
    if key == "human_gate":
        return view.is_approved_after(strike.at) or view.agents[strike.at].kind == "human"
    return False


def mitigations_for(entry: Entry, strike: Strike, view: View) -> tuple[Mitigation, ...]:
    """In the catalogue's order, at least one."""
    fresh = [key for key in entry.mitigations if not _is_there_already(key, view, strike)]
    known = mitigations()
    return tuple(
        Mitigation(
            id=key,
            name=known[key].name,
            parameters=_filled(known[key].parameters, view, strike),
            effect_source=known[key].effect_source,
        )
        for key in fresh or ["second_verifier"]
    )
