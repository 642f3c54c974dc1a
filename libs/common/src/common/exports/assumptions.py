"""The engine's parameters in words, for people who read which assumption moves a result."""

_WORDS = {
    "response_p50_s": "how long a person takes to react",
    "response_p95_s": "how long a person takes at worst to react",
    "handling_p50_s": "how long a person works on a case",
    "task_error": "how often a model gets its part wrong",
    "error_rate": "how often a call fails",
    "correlation": "how alike the errors of one agent's attempts at one task are",
    "silent_share": "how many wrong answers look right",
    "ttft_s": "how long a model takes to begin its answer",
    "tokens_per_s": "how fast a model writes",
    "tokens_in_p50": "how much an agent reads per call",
    "tokens_out_p50": "how much an agent writes per call",
    "model_calls": "how many model calls a visit takes",
    "latency_p50_s": "how long a tool takes",
    "latency_p95_s": "how long a tool takes at worst",
    "concurrency": "how many cases are worked on at a time",
    "accept_wrong": "how often a check lets wrong work pass",
    "accept_correct": "how often a check accepts right work",
    "reject_share": "how often a person says no",
    "arrival_rate_per_min": "how many tasks arrive",
    "rpm": "how many calls the provider allows",
}


def assumption(parameter: str) -> str:
    """`human.*.response_p50_s` → `how long a person takes to react`; an unknown name is told as words."""
    last = parameter.rpartition(".")[2]
    return _WORDS.get(last, last.replace("_", " "))
