"""EditorAgent: answers an edit command over the bus's request and reply."""

from dataclasses import dataclass
from typing import assert_never

from common.contracts.editing import EditAnswered, EditAsked
from common.contracts.values import Provenance
from common.llm.asking import Proposed, proposed_or_rules
from planner.editing.editor import edit
from planner.editing.llm import EDITOR, EditorModel
from planner.editing.outcome import Edited, EditResult, NeedsAnswer, Refused, Undo


@dataclass(frozen=True, slots=True)
class EditorAgent:
    """Understands plain commands; keeps no history and needs no clock."""

    model: EditorModel | None = None

    async def edit(self, asked: EditAsked) -> EditAnswered:
        """What became of the command; only an `edited` answer carries a network."""
        result = edit(
            asked.network, asked.command, max_agents=asked.max_agents, history=asked.history
        )
        model = self.model
        if not isinstance(result, NeedsAnswer) or model is None or not asked.command.strip():
            return answered(result)
        by_rules: Proposed[EditResult] = Proposed(result, Provenance(agent=EDITOR))
        found = await proposed_or_rules("auto", by_rules, lambda: model.edit(asked))
        return answered(found.value).model_copy(update={"provenance": found.provenance})


def answered(result: EditResult) -> EditAnswered:
    """The result in the contract's shape."""
    match result:
        case Edited(network, summary, changes):
            return EditAnswered(outcome="edited", network=network, summary=summary, changes=changes)
        case NeedsAnswer(question, options):
            return EditAnswered(outcome="question", question=question, options=options)
        case Refused(reason, suggestion):
            return EditAnswered(outcome="refused", reason=reason, suggestion=suggestion)
        case Undo(steps, to_revision):
            return EditAnswered(outcome="undo", undo_steps=steps, undo_to_revision=to_revision)
        case _:
            assert_never(result)
