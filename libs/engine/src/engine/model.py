"""The parameters of a run: defaults, the network's own figures, and a request's overrides, in that order.

No numpy here, so that the gateway can check overrides at its door without loading the engine.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from common.contracts.network import Network, ToolSpec
from common.errors import DomainError
from engine.defaults import (
    AGENT_DEFAULTS,
    GENERAL_DEFAULTS,
    HUMAN_DEFAULTS,
    MODEL_CLASSES,
    MODEL_DEFAULTS,
    TOOL_DEFAULTS,
    Default,
)

_FAMILIES: Mapping[str, Mapping[str, Default]] = {
    "agent": AGENT_DEFAULTS,
    "human": HUMAN_DEFAULTS,
    "tool": TOOL_DEFAULTS,
}
ANY = "*"
"""In place of an id: every agent, person or tool (`agent.*.concurrency`)."""


class OverrideRejected(DomainError):
    """An override names nothing the engine knows, or its value is out of range. The message names the key."""

    code = "invalid_override"


@dataclass(frozen=True)
class Parameters:
    """What one run computes with: `overrides` laid over the defaults. Look-ups never invent a value."""

    overrides: Mapping[str, float | None] = field(default_factory=dict)

    def general(self, name: str) -> float | None:
        """`name` as in `GENERAL_DEFAULTS`."""
        return self.overrides.get(name, GENERAL_DEFAULTS[name].value)

    def number(self, name: str) -> float:
        """A general parameter that is never null."""
        value = self.general(name)
        return 0.0 if value is None else value

    def of_model(self, model_class: str, name: str) -> float | None:
        return self.overrides.get(
            f"model.{model_class}.{name}", MODEL_DEFAULTS[model_class][name].value
        )

    def of(self, family: str, ident: str, name: str, own: float | None = None) -> float | None:
        """`family` is agent, human or tool. `own` is the network's figure; it beats the default, not an override."""
        for key in (f"{family}.{ident}.{name}", f"{family}.{ANY}.{name}"):
            if key in self.overrides:
                return self.overrides[key]
        return own if own is not None else _FAMILIES[family][name].value

    def with_overrides(self, more: Mapping[str, float | None]) -> "Parameters":
        return Parameters({**self.overrides, **more})


def tool_figures(
    parameters: Parameters, tool: ToolSpec
) -> tuple[float, float, float, float | None]:
    """Median and 95th percentile of its latency in s, error rate, and USD per call (null: not known)."""
    p50 = parameters.of("tool", tool.name, "latency_p50_s", tool.latency_p50_s)
    p95 = parameters.of("tool", tool.name, "latency_p95_s", tool.latency_p95_s)
    error = parameters.of("tool", tool.name, "error_rate", tool.error_rate)
    fee = parameters.of("tool", tool.name, "usd_per_call")
    return p50 or 0.0, max(p95 or 0.0, p50 or 0.0), error or 0.0, fee


def check_overrides(overrides: Mapping[str, Any], network: Network | None = None) -> None:
    """Refuse what the engine would not understand.

    With a `network` ids must exist in it; without one (at the gateway's door) any id passes.

    Raises:
        OverrideRejected: names the key, and says what is allowed instead.
    """
    for key, value in overrides.items():
        _check_value(key, value, _find_default(key, network))


def read_overrides(overrides: Mapping[str, Any], network: Network) -> Parameters:
    """The parameters of a request, checked against its network.

    Raises:
        OverrideRejected: as `check_overrides`.
    """
    check_overrides(overrides, network)
    return Parameters({k: None if v is None else float(v) for k, v in overrides.items()})


def allowed_names() -> Iterator[str]:
    """Every name an override may have, `<id>` standing for an id."""
    yield from GENERAL_DEFAULTS
    for model_class in MODEL_CLASSES:
        yield from (f"model.{model_class}.{name}" for name in MODEL_DEFAULTS[model_class])
    for family, defaults in _FAMILIES.items():
        yield from (f"{family}.<id>.{name}" for name in defaults)


def _find_default(key: str, network: Network | None) -> Default:
    if key in GENERAL_DEFAULTS:
        return GENERAL_DEFAULTS[key]
    family, _, rest = key.partition(".")
    ident, _, name = rest.rpartition(".")
    if family == "model":
        return _find_model_default(key, ident, name)
    if family not in _FAMILIES or not ident:
        families = ", ".join(sorted([*GENERAL_DEFAULTS, "model.<class>.…", "agent.<id>.…"]))
        raise OverrideRejected(
            f"override {key!r} is unknown; allowed are {families}, human.<id>.…, tool.<name>.…"
        )
    if name not in _FAMILIES[family]:
        allowed = ", ".join(sorted(_FAMILIES[family]))
        raise OverrideRejected(
            f"override {key!r}: {family}s have no {name!r}; allowed are {allowed}"
        )
    _check_id(key, family, ident, network)
    return _FAMILIES[family][name]


def _find_model_default(key: str, model_class: str, name: str) -> Default:
    if model_class not in MODEL_DEFAULTS:
        allowed = ", ".join(MODEL_CLASSES)
        raise OverrideRejected(f"override {key!r}: unknown model class; allowed are {allowed}")
    if name not in MODEL_DEFAULTS[model_class]:
        allowed = ", ".join(sorted(MODEL_DEFAULTS[model_class]))
        raise OverrideRejected(f"override {key!r}: models have no {name!r}; allowed are {allowed}")
    return MODEL_DEFAULTS[model_class][name]


def _check_id(key: str, family: str, ident: str, network: Network | None) -> None:
    if network is None or ident == ANY:
        return
    known = sorted(
        [tool.name for tool in network.tools]
        if family == "tool"
        else [agent.id for agent in network.agents if agent.kind == family]
    )
    if ident not in known:
        allowed = ", ".join(known) or "none"
        raise OverrideRejected(
            f"override {key!r}: this network has no {family} {ident!r}; it has {allowed}"
        )


def _check_value(key: str, value: Any, default: Default) -> None:
    if value is None and default.value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise OverrideRejected(f"override {key!r} must be a number ({default.unit}), not {value!r}")
    if not default.low <= value <= default.high:
        raise OverrideRejected(
            f"override {key!r} is {value}; allowed is {default.low:g} to {default.high:g} ({default.unit})"
        )
    if default.is_whole and value != int(value):
        raise OverrideRejected(f"override {key!r} must be a whole number, not {value}")
