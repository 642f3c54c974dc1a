"""One turn in the making: the messages it says and the state it leaves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zlib import crc32

from common.contracts.conversations import MessageType, QuestionAsked, Said
from conversation.rules.deliberation.problem import join_and
from conversation.rules.deliberation.scoring import leaders, ranking
from conversation.rules.deliberation.state import Argument, Option, Spoken, State


def message_id(conversation_id: str, number: int) -> str:
    """The id of an agent's `number`-th message: the same when the turn is taken again."""
    return str(uuid5(NAMESPACE_URL, f"conversation:{conversation_id}:{number}"))


@dataclass(slots=True)
class Draft:
    """`state` is replaced, never changed in place."""

    state: State
    said: list[Said] = field(default_factory=list)
    question: QuestionAsked | None = None
    final_summary: str | None = None

    def put(self, **changes: Any) -> None:
        self.state = self.state.model_copy(update=changes)

    def say(
        self,
        agent_id: str,
        text: str,
        key: str,
        *,
        kind: MessageType = "discussion",
        parent: str | None = None,
        is_new: bool = True,
        is_question: bool = False,
        **metadata: Any,
    ) -> str:
        """Add a message; returns its id."""
        number = self.state.messages + 1
        said = Said(
            message_id=message_id(self.state.conversation_id, number),
            sender_id=agent_id,
            agent_name=self.state.persona(agent_id).name,
            content=anchored(self.state, " ".join(text.split()))[:4_000],
            message_type=kind,
            parent_message_id=parent,
            requires_user_response=is_question,
            phase=self.state.phase,
            metadata=metadata,
        )
        self.said.append(said)
        spoken = Spoken(agent_id=agent_id, key=key, message_id=said.message_id, is_new=is_new)
        self.put(messages=number, spoken=(*self.state.spoken, spoken))
        return said.message_id

    def pick(self, agent_id: str, shapes: Sequence[str]) -> str:
        """One of several ways to put the same thing: fixed by the problem and the speaker, changing with each use."""
        start = crc32(f"{self.state.problem.text}|{agent_id}".encode())
        used = sum(turn.agent_id == agent_id for turn in self.state.spoken)
        return shapes[(start + used) % len(shapes)]

    def voice(self, ids: Iterable[str]) -> None:
        """From now on everybody knows these arguments."""
        chosen = set(ids)
        self.put(
            arguments=tuple(
                a.model_copy(update={"is_voiced": True}) if a.id in chosen else a
                for a in self.state.arguments
            )
        )

    def argue(self, argument: Argument) -> Argument:
        """Add a new argument, voiced at once; returns it with its id."""
        number = 1 + sum(a.option_id == argument.option_id for a in self.state.arguments)
        new = argument.model_copy(update={"id": f"{argument.option_id}{number}", "is_voiced": True})
        events = (argument.event_id,) if argument.event_id else ()
        self.put(arguments=(*self.state.arguments, new))
        self._cite(events)
        return new

    def cite(self, arguments: Iterable[Argument]) -> None:
        self._cite(a.event_id for a in arguments if a.event_id)

    def _cite(self, event_ids: Iterable[str]) -> None:
        known = self.state.evidence_event_ids
        self.put(evidence_event_ids=tuple(dict.fromkeys((*known, *event_ids))))

    def replace_option(self, option: Option) -> None:
        self.put(options=tuple(option if o.id == option.id else o for o in self.state.options))

    def changed_mind(self, agent_id: str) -> str:
        """A sentence when the agent now leans elsewhere than it last did; its lean is noted either way."""
        table = self.state.on_table
        if not table:
            return ""
        now = ranking(self.state, self.state.persona(agent_id), table)[0][1]
        before = self.state.leans.get(agent_id)
        self.put(leans={**self.state.leans, agent_id: now})
        if before is None or before == now:
            return ""
        return f"This moves me from “{self.state.option(before).name}” to “{self.state.option(now).name}”."

    def note_leader(self) -> None:
        if self.state.phase in {"discussion", "consensus"} and self.state.on_table:
            self.put(leaders=(*self.state.leaders, leaders(self.state)[0])[-8:])


def arguments_of(
    state: State, option_id: str, criteria: Iterable[str] | None = None
) -> list[Argument]:
    """The arguments on an option, the strongest first."""
    wanted = None if criteria is None else set(criteria)
    found = [
        a
        for a in state.arguments
        if a.option_id == option_id and (wanted is None or a.criterion in wanted)
    ]
    return sorted(found, key=lambda a: (-abs(a.delta), a.id))


def anchored(state: State, text: str) -> str:
    """The text with its problem named: where no word of the problem is in it, the first option is tied to the topic."""
    problem = state.problem
    own = (
        problem.topic,
        problem.action,
        *problem.people,
        *problem.named_options,
        *(b.text for b in problem.bounds),
    )
    if problem.topic == "this question" or any(word in text for word in own if word):
        return text
    tied = f"” for {problem.topic}"
    return text.replace("”", tied, 1) if "”" in text else f"On {problem.topic}: {text}"


def upper(text: str) -> str:
    """The sentence with a large first letter."""
    return text[:1].upper() + text[1:]


def stop(text: str) -> str:
    """The sentence with its full stop."""
    line = text.rstrip()
    return line if line.endswith((".", "!", "?", ".”", "?”")) else f"{line}."


def joined(items: Iterable[str]) -> str:
    return join_and(list(items))
