"""`simulator converse` and `simulator chat` against a gateway that plays its part."""

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from simulator_cli.client import Gateway
from simulator_cli.errors import CommandError
from simulator_cli.talking import Talk, ask, ask_on, options_table


class PlayedGateway(Gateway):
    """Keeps what was said to it; answers from a script."""

    def __init__(
        self, script: list[dict[str, Any]], frames: list[dict[str, Any]] | None = None
    ) -> None:
        super().__init__("http://gateway.invalid")
        self.script = script
        self.frames_said = frames or []
        self.heard: list[tuple[str, Any]] = []
        self.shown = 0

    def conversation(self, conversation_id: str) -> dict[str, Any]:
        waits = self.shown < len(self.script) and self.script[self.shown].get("waits", False)
        over = self.shown >= len(self.script)
        return {
            "id": conversation_id,
            "status": "completed" if over else "active",
            "is_waiting_for_user": waits,
            "message_count": self.shown,
            "decision": DECISION if over else None,
            "reason": None,
        }

    def messages(self, conversation_id: str, after: int) -> list[dict[str, Any]]:
        if self.shown < len(self.script) and not self.script[self.shown].get("waits"):
            self.shown += 1
        return [
            self._message(n) for n in range(after, self.shown) if not self.script[n].get("waits")
        ]

    def pending(self, conversation_id: str) -> list[dict[str, Any]]:
        return [{"id": "m9", "question": {"options": ["yes", "no"]}}]

    def say(self, conversation_id: str, content: str, parent: str | None = None) -> dict[str, Any]:
        self.heard.append((content, parent))
        self.shown += 1
        return {"number": self.shown}

    def chat(self, content: str, metadata: dict[str, str]) -> Iterator[dict[str, Any]]:
        self.heard.append((content, metadata))
        yield from self.frames_said

    def _message(self, n: int) -> dict[str, Any]:
        said = self.script[n]
        return {
            "number": n + 1,
            "phase": "discussion",
            "sender_id": "x",
            "agent_name": "Alex PM",
            **said,
        }


DECISION = {
    "option_id": "B",
    "options": [
        {"option_id": "B", "name": "rent [the] hall", "total": 0.61},
        {"option_id": "A", "name": "stay", "total": 0.5},
    ],
}
WHOLE = [
    {"content": "Two ", "status": "partial"},
    {"content": "words.", "status": "partial"},
    {"content": "", "status": "complete", "topic": "cost"},
]


def console() -> Console:
    return Console(file=StringIO(), width=80, force_terminal=False)


def written(shown: Console) -> str:
    text: str = shown.file.getvalue()  # type: ignore[attr-defined]  # the file is the StringIO above
    return text


def test_everything_is_shown_once_and_a_question_is_answered_at_the_keyboard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gateway = PlayedGateway(
        [{"content": "We have to choose."}, {"waits": True}, {"content": "Decided [now]."}]
    )
    shown = console()
    monkeypatch.setattr("typer.prompt", lambda _: "yes")

    Talk(gateway, "c1", shown).follow()

    assert gateway.heard == [("yes", "m9")]
    text = written(shown)
    assert text.count("We have to choose.") == 1
    assert text.count("Decided [now].") == 1
    assert "rent [the] hall ← chosen" in text


def test_the_chosen_option_is_marked_and_no_other() -> None:
    shown = console()
    shown.print(options_table(DECISION))
    marked = [line for line in written(shown).splitlines() if "chosen" in line]
    assert len(marked) == 1
    assert "0.61" in marked[0]


def test_an_answer_appears_as_it_comes(capsys: pytest.CaptureFixture[str]) -> None:
    ask(PlayedGateway([], WHOLE), "what does it cost?", {"simulation_id": "s1"})
    assert capsys.readouterr().out == "Two words.\n"


def test_as_json_the_answer_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    ask(PlayedGateway([], WHOLE), "what does it cost?", {}, as_json=True)
    assert json.loads(capsys.readouterr().out)["content"] == "Two words."


def test_an_assistant_that_fails_ends_the_command_with_its_words() -> None:
    failed = [{"error": "chat_lost", "message": "The assistant fell silent.", "status": "error"}]
    with pytest.raises(CommandError, match="fell silent"):
        ask(PlayedGateway([], failed), "hello", {})


def test_questions_of_one_sitting_share_a_session_until_an_empty_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gateway = PlayedGateway([], WHOLE)
    lines = iter(["what is p95?", "and a router?", ""])
    monkeypatch.setattr("builtins.input", lambda _: next(lines))

    ask_on(gateway, {"simulation_id": "s1"})

    sessions = {metadata["session_id"] for _, metadata in gateway.heard}
    assert [content for content, _ in gateway.heard] == ["what is p95?", "and a router?"]
    assert len(sessions) == 1
