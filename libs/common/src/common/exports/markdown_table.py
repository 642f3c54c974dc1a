"""Tables and lists in Markdown."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> str:
    """A table with its cells already escaped; empty when there are no rows. `right`: columns set to the right."""
    body = [f"| {' | '.join(row)} |" for row in rows]
    if not body:
        return ""
    rule = ["---:" if n in right else "---" for n in range(len(head))]
    return "\n".join([f"| {' | '.join(head)} |", f"| {' | '.join(rule)} |", *body])


def bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def blocks(*parts: str) -> str:
    """Parts with a blank line between them; empty ones are left out."""
    return "\n\n".join(part for part in parts if part)
