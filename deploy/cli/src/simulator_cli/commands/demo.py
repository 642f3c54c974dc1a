"""`simulator demo`: the whole rehearsal in one command, from nothing running to nothing running."""

from typing import Annotated

import typer

from simulator_cli.commands.options import (
    Choices,
    Engine,
    Json,
    Rate,
    Seed,
    Tasks,
    Url,
    read_scenario,
)


def demo(
    text: Annotated[
        str | None, typer.Argument(help="Your scenario; a sample when left out.")
    ] = None,
    *,
    as_json: Json = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack running.")] = False,
    seed: Seed = None,
    tasks: Tasks = None,
    rate: Rate = None,
    engine: Engine = None,
    url: Url = None,
) -> None:
    """Rehearse a scenario from start to story; starts what is not running and stops it again."""
    from simulator_cli.commands.rehearse import rehearse
    from simulator_cli.sample import SAMPLE_SCENARIO

    scenario = SAMPLE_SCENARIO if text is None else read_scenario(text, None)
    choices = Choices(seed=seed, tasks=tasks, rate=rate, engine=engine)
    rehearse(choices.body(scenario), as_json=as_json, keep=keep, url=url)
