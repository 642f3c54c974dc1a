"""The lines between two rows of boxes: out of the parents, along a bus, into the children."""

from collections.abc import Iterable, Sequence

_CROSS = {
    (True, True, True, True): "┼",
    (True, True, True, False): "┤",
    (True, True, False, True): "├",
    (True, False, True, True): "┴",
    (False, True, True, True): "┬",
    (True, True, False, False): "│",
    (False, False, True, True): "─",
    (True, False, True, False): "┘",
    (True, False, False, True): "└",
    (False, True, True, False): "┐",
    (False, True, False, True): "┌",
}
"""By the arms of a crossing: (up, down, left, right)."""


def connector(
    above: Sequence[tuple[str, int]],
    below: Sequence[tuple[str, int]],
    pairs: Iterable[tuple[str, str]],
) -> list[str]:
    """Text lines that lead from the boxes above to those below.

    Args:
        above: agent id and the column of its box's centre, for the upper row.
        below: the same for the lower row.
        pairs: forward edges; those that do not lead from this row to the next are ignored.

    Returns:
        Three lines, two when all lead straight down, one blank line when none leads from row to row.
    """
    tops, bottoms = dict(above), dict(below)
    groups = _groups([(tops[s], bottoms[t]) for s, t in pairs if s in tops and t in bottoms])
    if not groups:
        return [""]
    parents = {column for sources, _ in groups for column in sources}
    children = {column for _, targets in groups for column in targets}
    if parents == children and all(len(s | t) == 1 for s, t in groups):
        width = max(parents) + 1
        return [_marks(parents, "│", width), _marks(children, "▼", width)]
    spans = [(min(s | t), max(s | t)) for s, t in groups]
    width = max(high for _, high in spans) + 1
    bus = "".join(_crossing(column, parents, children, spans) for column in range(width))
    return [_marks(parents, "│", width), bus.rstrip(), _marks(children, "▼", width)]


def _groups(edges: list[tuple[int, int]]) -> list[tuple[set[int], set[int]]]:
    """Edges that share an end, or whose bars would overlap, share one bus."""
    groups: list[tuple[set[int], set[int]]] = []
    for source, target in sorted(edges):
        sources, targets = {source}, {target}
        low, high = min(source, target), max(source, target)
        rest = []
        for group in groups:
            columns = group[0] | group[1]
            if min(columns) <= high and low <= max(columns):
                sources |= group[0]
                targets |= group[1]
                low, high = min(low, *columns), max(high, *columns)
            else:
                rest.append(group)
        groups = [*rest, (sources, targets)]
    return groups


def _crossing(
    column: int, parents: set[int], children: set[int], spans: list[tuple[int, int]]
) -> str:
    left = any(low < column <= high for low, high in spans)
    right = any(low <= column < high for low, high in spans)
    return _CROSS.get((column in parents, column in children, left, right), " ")


def _marks(columns: set[int], mark: str, width: int) -> str:
    return "".join(mark if column in columns else " " for column in range(width)).rstrip()
