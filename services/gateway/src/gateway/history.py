"""Undo and redo over revisions. Pure: the whole history is read off the list of revisions."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A revision; `restores` names the revision whose network it took over, None for one with its own."""

    revision: int
    restores: int | None = None


@dataclass(slots=True)
class History:
    """Which revision's network is shown, and what lies before and after it."""

    past: list[int]
    current: int
    future: list[int]

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> "History":
        """`entries` in order, the first one a network of its own."""
        history = cls([], entries[0].revision, [])
        for entry in entries[1:]:
            history._take(entry)
        return history

    def target(self, steps: int) -> int | None:
        """The revision `steps` back (negative: forward); None when there is none so far away."""
        line = [*self.past, self.current, *reversed(self.future)]
        place = len(self.past) - steps
        return line[place] if 0 <= place < len(line) and steps != 0 else None

    def _take(self, entry: Entry) -> None:
        if entry.restores in self.past:
            while self.current != entry.restores:
                self.future.append(self.current)
                self.current = self.past.pop()
        elif entry.restores in self.future:
            while self.current != entry.restores:
                self.past.append(self.current)
                self.current = self.future.pop()
        elif entry.restores != self.current:
            self.past.append(self.current)
            self.current = entry.restores or entry.revision
            self.future.clear()
