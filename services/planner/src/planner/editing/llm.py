"""What the editor asks of a model: its commands for what the grammar does not know. The editor carries them out."""

from dataclasses import dataclass

from pydantic import BaseModel, Field

from common.contracts.editing import EditAsked
from common.llm.asking import About, Asking, Proposed
from common.llm.context import shorten
from common.llm.port import ModelPort
from common.llm.prompts import UserText
from planner.editing.editor import edit
from planner.editing.outcome import EditResult, NeedsAnswer
from planner.telling import told_agents

EDITOR = "EditorAgent"
ANSWER_WITHIN_S = 4.0
"""The gateway waits 5 s for an edit; the rules answer when no model has."""
_MOST_COMMANDS = 4


class EditFields(BaseModel):
    """Fields of `prompts/edit`."""

    network: UserText
    command: UserText


class ProposedCommands(BaseModel):
    commands: list[str] = Field(max_length=_MOST_COMMANDS)


@dataclass(frozen=True, slots=True)
class EditorModel:
    """Puts a command that the grammar does not know into sentences that it does."""

    asking: Asking

    async def edit(self, asked: EditAsked) -> Proposed[EditResult]:
        """What the translated command comes to.

        Raises:
            ModelError: no model found commands that the editor understands.
        """
        found = await self.asking.structured(
            "edit",
            EditFields(
                network=shorten(told_agents(asked.network), self.asking.port.prompt_tokens // 2),
                command=asked.command,
            ),
            ProposedCommands,
            lambda said: _not_understood(asked, said),
            about=About(),
            max_tokens=400,
        )
        return Proposed(_edited(asked, found.value), found.provenance)


def _edited(asked: EditAsked, said: ProposedCommands) -> EditResult:
    commands = "; ".join(command.strip().rstrip(".;") for command in said.commands)
    return edit(asked.network, commands, max_agents=asked.max_agents, history=asked.history)


def _not_understood(asked: EditAsked, said: ProposedCommands) -> tuple[str, ...]:
    """Commands that come to a question help nobody; none at all is an honest answer that ends in one, too."""
    if not said.commands:
        return ("commands: if it can be said in these forms, say it",)
    result = _edited(asked, said)
    return (f"commands: {result.question}",) if isinstance(result, NeedsAnswer) else ()


def editor_model(port: ModelPort | None) -> EditorModel | None:
    """Null without a port: the grammar understands alone."""
    if port is None:
        return None
    asking = Asking(
        port=port, package="planner", agent="editor", name=EDITOR, deadline_s=ANSWER_WITHIN_S
    )
    return EditorModel(asking)
