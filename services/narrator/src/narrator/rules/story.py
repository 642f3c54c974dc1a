"""The story of a run for a person: what happened, what broke first, what saved it, what to change.

Numbers come only through `Teller`, which cites the stream event they stand in; words may name parts of the network.
"""

from common.contracts.narrative import Chapter
from narrator.rules.facts import Source, Teller
from narrator.rules.run_view import RunView, helps, hurts_success
from narrator.rules.story_change import change
from narrator.rules.story_failures import broke, saved
from narrator.rules.story_run import happened


def chapters(view: RunView, source: Source) -> tuple[Chapter, ...]:
    """The four chapters, in this order; each has something to say even when nothing failed."""
    return (
        _chapter("happened", "What happened", happened(view, Teller(source))),
        _chapter("broke", "What broke first", broke(view, Teller(source))),
        _chapter("saved", "What saved it", saved(view, Teller(source))),
        _chapter("change", "What to change", change(view, Teller(source))),
    )


def headline(view: RunView) -> str:
    """One sentence without figures: where it is weakest, and what helps most."""
    worst = next((o for _, o in view.by_harm if hurts_success(o)), None)
    if worst is None:
        limit = view.run.baseline.bottleneck
        where = f"; {view.name(limit.ref)} is what limits it" if limit else ""
        tried = (
            "that was tried changes the outcome measurably" if view.run.failures else "was injected"
        )
        return f"No failure {tried}{where}"
    name, where = view.mode_name(worst.failure_id), view.where(worst.failure_id)
    when = " when it comes" if view.is_staged(worst.failure_id) else ""
    weak = f"{name} {where} does the most damage{when}"
    best = next((m for _, m in view.by_gain if helps(m)), None)
    if best is None:
        return f"{weak}, and no mitigation that was tried makes up for it"
    return f"{weak}; what wins back the most is to {view.mitigation_names(best, 2)}"


def _chapter(kind: str, title: str, teller: Teller) -> Chapter:
    return Chapter.model_validate(
        {"kind": kind, "title": title, "text": teller.text, "citations": tuple(teller.citations)}
    )
