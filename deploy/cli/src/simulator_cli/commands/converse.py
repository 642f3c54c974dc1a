"""`simulator converse` and `simulator chat`: have the agents discuss a problem, ask the assistant."""

import sys
from typing import Annotated

import typer

from simulator_cli.commands.options import Json, Url


def converse(
    goal: Annotated[str, typer.Argument(help="The problem to be decided, in plain words.")],
    *,
    simulation: Annotated[
        str | None, typer.Option(help="A simulation whose run counts as evidence.")
    ] = None,
    no_questions: Annotated[
        bool, typer.Option("--no-questions", help="The agents assume instead of asking.")
    ] = False,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Five agents discuss a problem, ask you when it matters, vote, and decide."""
    from simulator_cli.console import make_console, print_json
    from simulator_cli.session import open_session
    from simulator_cli.talking import Talk

    is_asked = not no_questions and sys.stdin.isatty() and not as_json
    settings = {} if is_asked else {"max_questions": 0}
    body = {"goal_description": goal, "simulation_id": simulation, "settings": settings}
    with open_session(make_console(is_error=True), url=url) as session:
        begun = session.gateway.begin_conversation(body)
        talk = Talk(session.gateway, str(begun["id"]), None if as_json else make_console())
        talk.follow()
        if as_json:
            print_json(session.gateway.exported_conversation(talk.conversation_id))


def chat(
    message: Annotated[
        str | None, typer.Argument(help="A question; without one you can ask several.")
    ] = None,
    *,
    simulation: Annotated[str | None, typer.Option(help="The simulation it is about.")] = None,
    conversation: Annotated[str | None, typer.Option(help="The conversation it is about.")] = None,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Ask the assistant about a simulation or a conversation."""
    from simulator_cli.console import make_console
    from simulator_cli.session import open_session
    from simulator_cli.talking import ask, ask_on

    named = {"simulation_id": simulation, "conversation_id": conversation}
    metadata = {name: value for name, value in named.items() if value}
    with open_session(make_console(is_error=True), url=url) as session:
        if message is not None:
            ask(session.gateway, message, metadata, as_json=as_json)
        else:
            ask_on(session.gateway, metadata)
