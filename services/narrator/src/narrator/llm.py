"""What the narrator asks of a model: the same story in better words. The figures are the engine's and stay."""

from dataclasses import dataclass

from pydantic import BaseModel

from common.contracts.events import RunCompleted
from common.contracts.narrative import Narrative
from common.llm.asking import About, Asking, Proposed
from common.llm.context import cut
from common.llm.port import ModelPort
from common.llm.prompts import UserText
from narrator.rules.retelling import ToldStory, marked, problems, retold

_SCENARIO_SHARE = 0.2


class TellFields(BaseModel):
    """Fields of `prompts/tell`."""

    scenario: UserText
    headline: UserText
    chapters: UserText


@dataclass(frozen=True, slots=True)
class NarratorModel:
    """Tells with a model; a story that lost or made a figure is not told."""

    asking: Asking

    async def tell(self, heard: RunCompleted, by_rules: Narrative) -> Proposed[Narrative]:
        """The narrative in the model's words.

        Raises:
            ModelError: no model told it so that every figure is where it belongs.
        """
        found = await self.asking.structured(
            "tell",
            fields(heard.request.text, by_rules, self.asking.port.prompt_tokens),
            ToldStory,
            lambda story: problems(by_rules, story),
            about=About.of(heard, heard.request.options.seed),
            task="prose",
            max_tokens=3_000,
        )
        return Proposed(retold(by_rules, found.value), found.provenance)


def fields(scenario: str, narrative: Narrative, room_tokens: int) -> TellFields:
    """The prompt's fields: figures as marks, so that none can be changed."""
    chapters = "\n\n".join(
        f"kind: {chapter.kind}\n{marked(chapter) or chapter.text}"
        for chapter in narrative.chapters
        if chapter.text
    )
    return TellFields(
        scenario=cut(scenario, int(room_tokens * _SCENARIO_SHARE)),
        headline=narrative.headline,
        chapters=chapters,
    )


def narrator_model(port: ModelPort | None, deadline_s: float) -> NarratorModel | None:
    """Null without a port: the rules tell alone."""
    if port is None:
        return None
    asking = Asking(
        port=port,
        package="narrator",
        agent="narrator",
        name="ObservabilityNarrativeAgent",
        deadline_s=deadline_s,
    )
    return NarratorModel(asking)
