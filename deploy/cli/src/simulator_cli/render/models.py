"""Providers, models and the progress of a pull, on a terminal."""

import sys
from collections.abc import Sequence
from contextlib import aclosing

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from common.llm.inventory import Listed, State
from common.llm.ollama import OllamaApi, Progress
from common.llm.settings import ModelSettings, address
from simulator_cli.console import make_console, print_json_line

_FIRST_FEW = 8
_MB, _GB = 1e6, 1e9
_BAR = 32


def models_view(
    states: Sequence[State], settings: ModelSettings, *, show_all: bool
) -> RenderableType:
    """One block per provider: how it is doing, which model is asked for, what it offers."""
    parts: list[RenderableType] = []
    for rank, state in enumerate(states, 1):
        parts += [_headline(rank, state), Text(_choice(state), style="dim")]
        shown = state.models if show_all else state.models[:_FIRST_FEW]
        if shown:
            parts.append(_table(shown))
        if len(shown) < len(state.models):
            parts.append(Text(f"  … {len(state.models) - len(shown)} more: --all", style="dim"))
    parts.append(Text(_budget(settings)))
    return Group(*parts)


def _headline(rank: int, state: State) -> Text:
    fine = state.problem is None
    health = f"answers in {state.answered_s:.2f} s" if fine else f"does not answer: {state.problem}"
    return Text.assemble(
        (f"{rank}. {state.provider}", "bold"),
        f"  {state.address}  ",
        (health, "green" if fine else "red"),
        f"  {state.version}" if state.version else "",
        "  paid" if state.is_paid else "  free of charge",
    )


def _choice(state: State) -> str:
    others = {task: model for task, model in state.by_task.items() if model != state.model}
    by_task = "".join(f"; {task}: {model}" for task, model in others.items())
    return f"   model: {state.model}{by_task}"


def _table(models: Sequence[Listed]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=True, padding=(0, 2, 0, 3))
    for name in ("model", "size", "context", "$/M in", "$/M out", ""):
        table.add_column(name, justify="left" if name in ("model", "") else "right")
    for model in models:
        table.add_row(
            model.name,
            "" if model.size_bytes is None else f"{model.size_bytes / _GB:.1f} GB",
            "" if model.context_tokens is None else f"{model.context_tokens}",
            _price(model.price_input_usd),
            _price(model.price_output_usd),
            "loaded" if model.is_loaded else "",
        )
    return table


def _price(usd: float | None) -> str:
    return "" if usd is None else f"{usd:.3g}"


def _budget(settings: ModelSettings) -> str:
    caps = (
        ("day", settings.budget_day_usd),
        ("simulation", settings.budget_simulation_usd),
    )
    told = [f"${cap} per {name}" for name, cap in caps if cap is not None]
    return f"Budget for paid calls: {', '.join(told) or 'none set'}."


async def pull_progress(settings: ModelSettings, name: str, *, as_json: bool) -> None:
    """Pull a model and show how far it is.

    Raises:
        Fault: it is not there, or Ollama stopped.
    """
    given = settings.ollama
    key = given.api_key.get_secret_value() if given.api_key else ""
    api = OllamaApi(base_url=address("ollama", given).removesuffix("/v1"), key=key)
    show = _json_step if as_json else _Bar(sys.stderr.isatty()).show
    async with aclosing(api.pull(name)) as steps:
        async for step in steps:
            show(step)
    if not as_json:
        make_console().print(f"{name} is installed.")


def _json_step(step: Progress) -> None:
    print_json_line(
        {
            "status": step.status,
            "done_bytes": step.done_bytes,
            "total_bytes": step.total_bytes,
            "share": round(step.share, 4),
        }
    )


class _Bar:
    """A bar that never goes back: redrawn on a terminal, a line per status elsewhere."""

    def __init__(self, is_terminal: bool) -> None:
        self._is_terminal = is_terminal
        self._last = ""

    def show(self, step: Progress) -> None:
        console = make_console(is_error=True)
        if self._is_terminal:
            line = bar_line(step)
            console.print(line, end="\n" if step.share == 1.0 else "\r", soft_wrap=True)
        elif step.status != self._last:
            self._last = step.status
            console.print(f"{step.status} ({step.share:.0%})")


def bar_line(step: Progress) -> str:
    """The bar, the share, the bytes and the status, at a constant width."""
    full = int(step.share * _BAR)
    bar = "█" * full + "░" * (_BAR - full)
    size = (
        f"{step.done_bytes / _MB:.0f}/{step.total_bytes / _MB:.0f} MB" if step.total_bytes else ""
    )
    return f"{bar} {step.share:4.0%} {size:>16} {step.status[:28]:<28}"
