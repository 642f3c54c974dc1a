"""What models were used for, for people: sums of a day or of a simulation, by agent and model."""

from typing import Any

from common.llm.ledger import Account, Sum


def usage_json(account: Account) -> dict[str, Any]:
    """JSON-able sums. `cost_usd` is null if no price is known, and at least that if `cost_is_lower_bound`."""
    return {
        **_sum(account.total),
        "by": [{**_names(key), **_sum(account.groups[key])} for key in sorted(account.groups)],
        "outcomes": dict(sorted(account.outcomes.items())),
        "held_usd": float(sum(held.usd for held in account.held.values())),
        "last_calls": [call.model_dump(mode="json") for call in account.calls],
    }


def _names(key: str) -> dict[str, str]:
    """Agent, provider and model of a group; only the model's name may hold a slash."""
    agent, provider, model = key.split("/", 2)
    return {"agent": agent, "provider": provider, "model": model}


def _sum(total: Sum) -> dict[str, Any]:
    is_known = total.unpriced < total.calls or total.calls == 0
    return {
        "calls": total.calls,
        "reused": total.reused,
        "failed": total.failed,
        "input_tokens": total.input_tokens,
        "output_tokens": total.output_tokens,
        "cost_usd": float(total.cost_usd) if is_known else None,
        "cost_is_lower_bound": total.unpriced > 0,
        "latency_s_mean": round(total.latency_s / total.calls, 3) if total.calls else None,
    }
