"""The table of defaults as docs/model.md shows it; a test keeps the two equal."""

from collections.abc import Iterator, Mapping

from engine.defaults import (
    AGENT_DEFAULTS,
    GENERAL_DEFAULTS,
    HUMAN_DEFAULTS,
    MODEL_CLASSES,
    MODEL_DEFAULTS,
    TOOL_DEFAULTS,
    Default,
)


def defaults_table() -> str:
    """Markdown: name, value, unit, whether assumed, source."""
    rows = ["| name | value | unit | source |", "|---|---|---|---|"]
    rows += [_row(name, default) for name, default in _all()]
    return "\n".join(rows)


def _all() -> Iterator[tuple[str, Default]]:
    for model_class in MODEL_CLASSES:
        yield from _named(f"model.{model_class}", MODEL_DEFAULTS[model_class])
    yield from _named("agent.<id>", AGENT_DEFAULTS)
    yield from _named("tool.<name>", TOOL_DEFAULTS)
    yield from _named("human.<id>", HUMAN_DEFAULTS)
    yield from GENERAL_DEFAULTS.items()


def _named(prefix: str, defaults: Mapping[str, Default]) -> Iterator[tuple[str, Default]]:
    yield from ((f"{prefix}.{name}", default) for name, default in defaults.items())


def _row(name: str, default: Default) -> str:
    value = "–" if default.value is None else f"{default.value:g}"
    return f"| `{name}` | {value} | {default.unit} | {default.source} |"
