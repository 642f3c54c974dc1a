"""A step while it is read: the words it covers, the actions in them, and whose it is."""

from dataclasses import dataclass, field

from interpreter.rules import people
from interpreter.rules.actions import Action
from interpreter.rules.duties import Duty
from interpreter.rules.text import Span


@dataclass(slots=True)
class Draft:
    """A step while it is read: the spans it covers and the actions seen in them. `group`: an item of this list."""

    spans: list[Span]
    actions: list[Action] = field(default_factory=list)
    group: str | None = None
    person: people.Clause | None = None
    """The clause in which a person does this step."""
    duty: tuple[int, Duty] | None = None
    """The number and the duty of the agent whom the text gives this step to."""
    moved: int | None = None

    @property
    def first(self) -> int:
        return min(span.first for span in self.spans)

    @property
    def at(self) -> int:
        """Where it stands among the others: a consent comes before the action it is for."""
        return self.moved if self.moved is not None else self.first

    @property
    def last(self) -> int:
        return max(span.last for span in self.spans)
