"""Text of users made harmless in Mermaid, DOT, Markdown and Python source."""

import builtins
import keyword
import re
from collections.abc import Iterable

_MARKDOWN = re.compile(r"([\\`*_\[\]|~$])")
_LINE_START = re.compile(r"^(\s*)([-+=>#]|\d+[.)])")


def one_line(text: str, limit: int | None = None) -> str:
    """Control characters and line breaks become blanks; longer than `limit` it ends in an ellipsis."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if limit is not None and len(line) > limit:
        return line[: limit - 1].rstrip() + "…"
    return line


def mermaid(text: str, limit: int = 80) -> str:
    """For use inside a quoted Mermaid label: whatever might mean something there becomes an entity code."""
    return "".join(
        c if c.isalnum() or c in " .,:-_/…→≤≥§€£%" else f"#{ord(c)};" for c in one_line(text, limit)
    )


def dot(text: str, limit: int = 120) -> str:
    """A quoted DOT string."""
    line = one_line(text, limit).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{line}"'


def markdown(text: str) -> str:
    """Inline text or a table cell: one line that renders as it is written."""
    line = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = _MARKDOWN.sub(r"\\\1", line)
    # A bare address would become a link by itself.
    line = re.sub(r"(?i)\b(https?|ftp|mailto)(:)", r"\1&#58;", line)
    return line.replace("www.", "www&#46;").replace("@", "&#64;")


def code(text: str) -> str:
    """A code span, also inside a table."""
    line = one_line(text).replace("`", "'").replace("|", "\\|")
    return f"`{line}`" if line else "–"


def markdown_block(text: str) -> str:
    """A paragraph: like `markdown`, and its beginning opens no list, quotation or heading."""
    line = markdown(text)
    found = _LINE_START.match(line)
    return (
        f"{found[1]}\\{line[len(found[1]) :]}"
        if found and not found[2][0].isdigit()
        else _number(line)
    )


def _number(line: str) -> str:
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", line)


def identifiers(
    names: Iterable[str], taken: Iterable[str] = (), fallback: str = "item"
) -> dict[str, str]:
    """A distinct Python identifier for each name, in their order; never a keyword or one of `taken`."""
    used = {*taken, *keyword.kwlist, *keyword.softkwlist, *dir(builtins)}
    found: dict[str, str] = {}
    for name in names:
        word = re.sub(r"[^a-z0-9]+", "_", name.lower().encode("ascii", "ignore").decode()).strip(
            "_"
        )
        word = word if word and not word[0].isdigit() else f"{fallback}_{word}".rstrip("_")
        candidate, n = word[:50], 2
        while candidate in used:
            candidate, n = f"{word[:50]}_{n}", n + 1
        used.add(candidate)
        found[name] = candidate
    return found


def literal(text: str) -> str:
    """A Python string literal on one line; `repr` of the text, so that nothing can end it early."""
    return repr(one_line(text))


def comment(text: str) -> str:
    """Text behind a `#`: one line, so that it cannot become code."""
    return one_line(text)
