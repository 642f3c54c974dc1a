"""Every figure the engine assumes when nobody says otherwise, each with its unit and its source.

`docs/sources.md` says what stands behind "costs.md <section>"; grades: P primary, S secondary, V vendor, W weak.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

MODEL_CLASSES = ("small", "medium", "large", "reasoning")

_UNBOUNDED = float("inf")


@dataclass(frozen=True, slots=True)
class Default:
    """One assumption. `value` null means "not limited" or "not known", as `unit` says.

    `low` and `high` bound what an override may say; `is_assumed` marks figures without a published source.
    """

    value: float | None
    unit: str
    source: str
    low: float = 0.0
    high: float = _UNBOUNDED
    is_assumed: bool = False
    is_whole: bool = False

    @property
    def is_share(self) -> bool:
        return self.unit == "share"


def _share(value: float, source: str, *, is_assumed: bool = False) -> Default:
    return Default(value, "share", source, 0.0, 1.0, is_assumed)


_LATENCY = "costs.md 2, proposed default of the class (V: probes of 2026)"
_PRICE = "costs.md 1, middle of the published rows of the class (P: llm-prices@723ef0b)"
_PER_TURN = (
    "derived: 1 - pass^1 ** (1/7.2); tau2-bench retail pass^1 {p} ({who}, P, costs.md 7), 7.2 turns per "
    "task of a single agent (P: arXiv:2512.08296 Table 5); one visit of an agent counts as one turn"
)
_ERROR = "costs.md 5 (S: Datadog 2026-04-21): 2 % of model call spans failed in March 2026"


def _model_class(
    ttft_s: float, sigma: float, tokens_per_s: float, prices: tuple[float, float], error: Default
) -> dict[str, Default]:
    price_in, price_out = prices
    return {
        "ttft_s": Default(ttft_s, "s, median time to first token", _LATENCY, 0.0, 600.0),
        "ttft_sigma": Default(sigma, "sigma of ln(TTFT)", _LATENCY, 0.0, 3.0),
        "tokens_per_s": Default(tokens_per_s, "output tokens per s", _LATENCY, 0.1, 1e6),
        "price_in_usd_per_mtok": Default(price_in, "USD per million tokens", _PRICE),
        "price_out_usd_per_mtok": Default(price_out, "USD per million tokens", _PRICE),
        "error_rate": _share(0.02, _ERROR),
        "task_error": error,
        "rpm": Default(
            None, "requests per minute, null: not limited", "assumed: no limit", 0.01, 1e7, True
        ),
        "concurrency": Default(
            None, "calls at a time, null: not limited", "assumed: no limit", 1, 1e6, True, True
        ),
        "hidden_tokens": Default(
            0.0, "output tokens before the answer", "no hidden reasoning in this class", 0.0, 1e6
        ),
    }


def _task_error(share: float, p: str, who: str) -> Default:
    return _share(share, _PER_TURN.format(p=p, who=who))


_MODELS: dict[str, dict[str, Default]] = {
    "small": _model_class(
        0.6, 0.5, 100.0, (0.20, 1.0), _task_error(0.0655, ".614", "GPT-4.1-mini")
    ),
    "medium": _model_class(
        0.9, 0.6, 60.0, (1.0, 5.0), _task_error(0.0381, ".756", "median of 74 rows")
    ),
    "large": _model_class(1.5, 0.7, 35.0, (4.0, 20.0), _task_error(0.0312, ".796", "Opus 4.5")),
    "reasoning": _model_class(6.0, 0.8, 50.0, (4.0, 20.0), _task_error(0.0278, ".816", "GPT-5.2")),
}
_MODELS["reasoning"]["hidden_tokens"] = Default(
    300.0, "output tokens before the answer", "derived: median TTFT 6 s x 50 tokens/s (costs.md 2)"
)
for _price in ("price_in_usd_per_mtok", "price_out_usd_per_mtok"):
    _MODELS["reasoning"][_price] = Default(
        _MODELS["large"][_price].value,
        "USD per million tokens",
        "costs.md 1 has no row for this class; assumed equal to `large`, whose rows include reasoning models",
        is_assumed=True,
    )

MODEL_DEFAULTS: Mapping[str, Mapping[str, Default]] = MappingProxyType(_MODELS)

_AZURE = "costs.md 3 (P: Azure conversation trace 2023, 19,366 requests)"
_MCP = "costs.md 4 (V: MCP tool call, 100 servers, Digital Applied 2026-04-26)"
_SLACK = "costs.md 4 (V: approval by chat message, 15 Research Lab 2026-02-13)"

AGENT_DEFAULTS: Mapping[str, Default] = MappingProxyType(
    {
        "concurrency": Default(
            None, "tasks at a time", "the planned network", 1, 1_000, is_whole=True
        ),
        "model_calls": Default(
            1.0,
            "model calls per visit before tools; one more reads the tools' results",
            "assumed: ask, use the tools, conclude",
            0,
            20,
            True,
            True,
        ),
        "tokens_in_p50": Default(1_020.0, "tokens per model call", _AZURE, 0.0, 1e6),
        "tokens_in_p95": Default(4_083.0, "tokens per model call", _AZURE, 0.0, 1e6),
        "tokens_out_p50": Default(129.0, "tokens per model call", _AZURE, 0.0, 1e6),
        "tokens_out_p95": Default(451.0, "tokens per model call", _AZURE, 0.0, 1e6),
        "silent_share": _share(
            0.465,
            "costs.md 9 (S: arXiv:2606.09863): 45-48 % of failed tasks claimed success; the rest is visible",
        ),
        "correlation": _share(
            0.35,
            "costs.md 7 (P: tau2-bench retail, median of 74 rows): beta-binomial rho of one agent's "
            "attempts at one task",
        ),
        "reworks": Default(
            1.0,
            "times a visibly failed answer is redone at once",
            "assumed: one re-ask",
            0,
            5,
            True,
            True,
        ),
        "task_error": Default(
            None, "share, null: the model class's", "the model class's figure", 0.0, 1.0
        ),
        "queue_limit": Default(
            None,
            "tasks that may wait, null: no limit; more are refused",
            "assumed: no limit",
            0,
            1e6,
            True,
            True,
        ),
        "service_s": Default(
            0.05, "s per visit of an agent without a model", "assumed: plain code", 0.0, 1e5, True
        ),
    }
)

TOOL_DEFAULTS: Mapping[str, Default] = MappingProxyType(
    {
        "latency_p50_s": Default(0.320, "s per call", _MCP, 0.0, 1e5),
        "latency_p95_s": Default(1.840, "s per call", _MCP, 0.0, 1e5),
        "error_rate": _share(
            0.01, "assumed: no production rate is published (costs.md 10)", is_assumed=True
        ),
        "calls": Default(1.0, "calls per visit of an agent", "assumed", 0, 20, True, True),
        "usd_per_call": Default(None, "USD, null: not known", "not known; totals say 'at least'"),
    }
)

HUMAN_DEFAULTS: Mapping[str, Default] = MappingProxyType(
    {
        "concurrency": AGENT_DEFAULTS["concurrency"],
        "response_p50_s": Default(144.0, "s until the person looks", _SLACK, 0.0, 1e7),
        "response_p95_s": Default(1_080.0, "s until the person looks", _SLACK, 0.0, 1e7),
        "handling_p50_s": Default(
            20.0, "s of attention per case", "assumed: a short request", 0.0, 1e6, True
        ),
        "handling_p95_s": Default(
            60.0, "s of attention per case", "assumed: three times the median", 0.0, 1e6, True
        ),
        "approve_share": _share(
            0.93, "costs.md 4 (S: Claude Code telemetry): 93 % of prompts are approved"
        ),
        "accept_wrong_share": _share(
            0.5,
            "assumed: no accuracy of people who review agents is published (costs.md 10); half is caught",
            is_assumed=True,
        ),
        "task_error": _share(0.02, "assumed: no figure published (costs.md 10)", is_assumed=True),
        "hours_per_day": Default(
            24.0, "h per day, from the start of the run", "assumed: always someone", 0.1, 24.0, True
        ),
        "usd_per_hour": Default(
            None, "USD, null: not known", "not known; totals say 'at least'", 0.0, 1e5
        ),
    }
)

GENERAL_DEFAULTS: Mapping[str, Default] = MappingProxyType(
    {
        "call.retries": Default(
            2.0,
            "retries after a failed model or tool call",
            "costs.md 5 (S: model SDKs' default)",
            0,
            5,
            False,
            True,
        ),
        "call.backoff_s": Default(
            0.5,
            "s before the first retry, doubling, full jitter",
            "costs.md 5 (S): 'short exponential backoff' of the SDKs; the length is assumed",
            0.0,
            3_600.0,
            True,
        ),
        "call.timeout_s": Default(
            600.0,
            "s per model call",
            "costs.md 5 (S): 10 min, default of the OpenAI client",
            0.01,
            1e6,
        ),
        "call.failed_billed_share": _share(
            0.0, "assumed: providers do not bill refused calls", is_assumed=True
        ),
        "tool.timeout_s": Default(
            60.0, "s per tool call", "costs.md 5 (S): 1 min in generated SDKs", 0.01, 1e6
        ),
        "provider.rpm": Default(
            None,
            "requests per minute over all classes, null: not limited",
            "assumed: no limit",
            0.01,
            1e7,
            True,
        ),
        "provider.concurrency": Default(
            None,
            "calls at a time over all classes, null: not limited",
            "assumed: no limit",
            1,
            1e6,
            True,
            True,
        ),
        "verifier.accept_correct": _share(
            0.95,
            "assumed between costs.md 9's step judges (no false alarm on one data set) and outcome judges "
            "(33 % false alarms) (S: arXiv:2609.00038)",
            is_assumed=True,
        ),
        "verifier.accept_wrong": _share(
            0.23, "costs.md 9 (S: arXiv:2609.00038): step judges catch 77 % of silent faults"
        ),
        "merge.absorbed_share": _share(
            0.227,
            "costs.md 9 (P: arXiv:2512.08296 sec. 4.4): a coordinator removes 22.7 % of its workers' errors",
        ),
        "vote.correlation": _share(
            0.35,
            "costs.md 7: rho of one model's attempts at one task, applied to redundant branches of one class",
        ),
        "loop.repeat_share": _share(
            0.5,
            "assumed: a bounded loop without a verifier goes round again half of the time",
            is_assumed=True,
        ),
        "network.hop_s": Default(
            0.00041,
            "s per message",
            "limits.md: JetStream publish and acknowledgement, synced, p50",
            0.0,
            60.0,
        ),
        "redelivery_s": Default(
            15.0, "s until a lost message is sent again", "the bus's ack_wait", 0.0, 1e5
        ),
        "breaker.failures": Default(
            5.0, "consecutive failed calls that open it", "assumed", 1, 1_000, True, True
        ),
        "breaker.reset_s": Default(30.0, "s until it tries again", "assumed", 0.1, 1e5, True),
        "task.deadline_s": Default(
            None, "s, null: none", "the scenario names none to the engine", 0.01, 1e8
        ),
        "task.budget_usd": Default(None, "USD per task, null: none", "no cap", 0.0, 1e6),
        "arrivals.burstiness": Default(
            1.0,
            "coefficient of variation of the gaps; 1 is Poisson",
            "costs.md 3 (P: Azure conversation trace, 1.09)",
            0.0,
            20.0,
        ),
        "arrivals.closed_loop": Default(
            None,
            "tasks always in the system, null: open arrivals",
            "assumed: open arrivals",
            1,
            10_000,
            True,
            True,
        ),
        "arrivals.target_utilisation": Default(
            0.6,
            "busy share of the bottleneck when no volume is known",
            "assumed: moderate load",
            0.01,
            0.98,
            True,
        ),
    }
)
