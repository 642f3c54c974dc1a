"""`simulator models` and `simulator models pull`: which language models may be asked, and how they are doing."""

from typing import TYPE_CHECKING, Annotated

import typer

from simulator_cli.commands.options import Json
from simulator_cli.errors import CommandError

if TYPE_CHECKING:
    from common.llm.faults import Fault
    from common.llm.settings import ModelSettings

ShowAll = Annotated[bool, typer.Option("--all", help="Every model, not the first few of each.")]


def list_unless_pulling(
    context: typer.Context, *, show_all: ShowAll = False, as_json: Json = False
) -> None:
    """List providers, health and models; `pull NAME` fetches one for Ollama."""
    if context.invoked_subcommand is None:
        list_models(show_all=show_all, as_json=as_json)


def list_models(*, show_all: bool = False, as_json: bool = False) -> None:
    """List the configured providers in the order they are asked, their health and their models."""
    import asyncio
    from dataclasses import asdict

    from common.llm.inventory import survey
    from simulator_cli.console import make_console, print_json
    from simulator_cli.render.models import models_view

    settings = _settings()
    states = asyncio.run(survey(settings))
    if as_json:
        print_json({"profile": settings.profile, "providers": [asdict(state) for state in states]})
    elif states:
        make_console().print(models_view(states, settings, show_all=show_all))
    else:
        make_console().print(_unconfigured())


def pull(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As in Ollama's library.")],
    *,
    as_json: Json = False,
) -> None:
    """Fetch a model into Ollama; stopping and asking again goes on where it stopped."""
    import asyncio

    from common.llm.faults import Fault
    from simulator_cli.render.models import pull_progress

    try:
        asyncio.run(pull_progress(_settings(), name, as_json=as_json))
    except Fault as fault:
        raise CommandError(*_pull_failure(name, fault)) from fault


def _settings() -> "ModelSettings":
    from pydantic import ValidationError

    from common.llm.settings import ModelSettings

    try:
        return ModelSettings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "__".join(str(part).upper() for part in first["loc"])
        variable = f"LLM_{where}: " if where else ""
        raise CommandError(
            f"{variable}{first['msg']}", "See docs/llm.md for the variables."
        ) from error


def _unconfigured() -> str:
    import asyncio

    from common.llm.inventory import ollama_runs_here

    lines = ["No model is configured: every agent works by its rules."]
    if asyncio.run(ollama_runs_here()):
        lines.append("Ollama runs on this machine; use it with LLM_OLLAMA__IS_ENABLED=true.")
    else:
        lines.append(
            "Set LLM_OLLAMA__BASE_URL, LLM_OPENROUTER__API_KEY or LLM_COMPATIBLE__BASE_URL."
        )
    return "\n".join(lines)


def _pull_failure(name: str, fault: "Fault") -> tuple[str, str]:
    from common.llm.faults import classify

    code = classify(fault).code
    if "model_not_found" in (code, fault.code):
        return f"Ollama's library has no model {name!r}.", "Look at ollama.com/library for names."
    if code == "refused":
        return (
            "Ollama does not answer.",
            "Start it with `ollama serve`, or set LLM_OLLAMA__BASE_URL.",
        )
    return f"The pull failed ({code}).", "Ask again: it goes on where it stopped."
