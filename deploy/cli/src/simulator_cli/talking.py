"""Conversations and chat on the terminal: shown as they are said, questions answered at the keyboard."""

import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from simulator_cli.client import Gateway
from simulator_cli.errors import CommandError

POLL_S = 0.15
OVER = {"completed", "failed"}
_COLOURS = {
    "project_manager": "cyan",
    "technical_architect": "green",
    "creative_strategist": "magenta",
    "quality_assurance": "yellow",
    "resource_coordinator": "blue",
}


@dataclass
class Talk:
    """One conversation followed to its end. Without a console nothing is shown."""

    gateway: Gateway
    conversation_id: str
    console: Console | None
    seen: int = 0

    def follow(self) -> None:
        """Until it is over, or waits for somebody who is not here.

        Raises:
            CommandError: it failed.
        """
        phase = ""
        while True:
            found = self.gateway.conversation(self.conversation_id)
            for message in self.gateway.messages(self.conversation_id, self.seen):
                self.seen = message["number"]
                phase = self._show(message, phase)
            if found["status"] in OVER and self.seen >= found["message_count"]:
                self._end(found)
                return
            if found["is_waiting_for_user"]:
                self._answer()
            time.sleep(POLL_S)

    def _show(self, message: dict[str, Any], phase: str) -> str:
        if self.console is None:
            return phase
        if message["phase"] != phase:
            self.console.rule(message["phase"].capitalize(), style="dim")
        colour = _COLOURS.get(message["sender_id"], "white")
        name = message["agent_name"] or "You"
        self.console.print(Text.assemble((name, f"bold {colour}"), " ", message["content"], "\n"))
        return str(message["phase"])

    def _answer(self) -> None:
        for message in self.gateway.pending(self.conversation_id):
            options = " / ".join(message["question"]["options"])
            text = typer.prompt(f"Your answer ({options})" if options else "Your answer")
            said = self.gateway.say(self.conversation_id, text, message["id"])
            self.seen = max(self.seen, said["number"])

    def _end(self, found: dict[str, Any]) -> None:
        if found["status"] == "failed":
            raise CommandError(
                f"The conversation failed: {found.get('reason') or 'no reason given'}"
            )
        if self.console is not None and found["decision"]:
            self.console.print(options_table(found["decision"]))
            self.console.print(f"Conversation {found['id']}: {found['status']}")


def options_table(decision: dict[str, Any]) -> Table:
    """The options with their scores, the chosen one marked, and who takes the first steps."""
    table = Table(title="Options", title_justify="left", show_edge=False, pad_edge=False)
    table.add_column("option", overflow="fold")
    table.add_column("score", justify="right")
    for option in decision["options"]:
        chosen = option["option_id"] == decision["option_id"]
        name = Text(f"{option['name']} ← chosen", "bold") if chosen else Text(option["name"])
        table.add_row(name, f"{option['total']:.2f}")
    return table


def ask(gateway: Gateway, content: str, metadata: dict[str, str], *, as_json: bool = False) -> None:
    """One question; the answer appears as it comes.

    Raises:
        CommandError: the assistant failed.
    """
    text = ""
    for frame in gateway.chat(content, metadata):
        if frame["status"] == "error":
            raise CommandError(f"The assistant failed: {frame['message']}")
        text += frame["content"]
        if not as_json:
            typer.echo(frame["content"], nl=False)
        if frame["status"] == "complete" and as_json:
            from simulator_cli.console import print_json

            print_json(frame | {"content": text})
    if not as_json:
        typer.echo("")


def ask_on(gateway: Gateway, metadata: dict[str, str]) -> None:
    """Question after question in one session, until an empty line or the end of the input."""
    session = {**metadata, "session_id": f"terminal-{uuid4().hex[:12]}"}
    while True:
        try:
            content = input("? ").strip()
        except EOFError:
            return
        if not content:
            return
        ask(gateway, content, session)
