"""Moves of the discussion: object with evidence, and answer so that the score changes."""

from typing import Literal

from common.personas import CRITERIA
from conversation.rules.deliberation import scoring
from conversation.rules.deliberation.draft import Draft, arguments_of, stop, upper
from conversation.rules.deliberation.floor import Move, answerer
from conversation.rules.deliberation.options import words_for
from conversation.rules.deliberation.state import Argument, Objection, Option

AMENDED, REBUTTED, CONCEDED = 0.14, 0.05, -0.06
"""How far an answer moves the score: a safeguard most, a counter-argument by its own weight and a little, none down."""
MAX_SAFEGUARDS = 3

Answer = Literal["answered", "conceded"]

SAFEGUARDS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "risk": (
        ("a stop rule: if the agreed figure{for_topic} is worse than today two weeks running, it ends",
         "speed", "the stop rule needs two weeks of figures first"),
        ("the two worst cases are played through on paper with {people} before the first day",
         "effort", "playing them through takes an afternoon of everybody"),
    ),
    "cost": (
        ("a cap {budget_or_first}, with a decision before anything beyond it",
         "goal_fit", "under a cap the first step is smaller"),
        ("it is paid in two parts, the second only if the first has shown something",
         "speed", "the second part waits for the first"),
    ),
    "speed": (
        ("a first part that {people} can see within a month", "quality", "what comes within a month is not finished"),
        ("one person decides alone on everything small", "acceptance", "not everybody is asked"),
    ),
    "acceptance": (
        ("{people} are asked before it starts, and their two strongest wishes go in",
         "speed", "asking takes a few weeks"),
        ("the reasons are told openly, with the figures, before anything changes",
         "speed", "telling it properly takes time"),
    ),
    "quality": (
        ("ten cases a week are checked by somebody who was not part of it", "effort", "checking takes hours"),
        ("what “good” means is agreed in three sentences first", "speed", "agreeing takes a meeting or two"),
    ),
    "compliance": (
        ("whoever answers for the rules signs before it touches anybody", "speed", "a signature takes its time"),
        ("what was done and why is written down as it happens", "effort", "writing it down is work"),
    ),
    "effort": (
        ("one present duty of {who} is paused while it is set up", "acceptance", "somebody misses the paused duty"),
        ("two extra hands for the first month", "cost", "extra hands are paid"),
    ),
    "scalability": (
        ("the point at which it no longer carries is written down, with what follows then",
         "effort", "finding that point is work"),
        ("it is built so that a second one can stand beside it", "cost", "building it so costs a little more"),
    ),
    "reversibility": (
        ("the present way is kept ready until the first review", "cost", "two ways are kept for a while"),
        ("the first contract ends after a year at the latest", "cost", "short contracts are dearer"),
    ),
    "learning": (
        ("the figures before and after are noted from the first day", "effort", "noting them takes discipline"),
        ("at the end of the first month three people who use it are heard", "effort", "hearing them takes time"),
    ),
    "goal_fit": (
        ("a review after six weeks asks only one thing: is it better than before?",
         "speed", "a review may send it back"),
        ("what brings most is done first", "acceptance", "the smaller parts wait"),
    ),
}  # fmt: skip
"""Criterion → (safeguard, the criterion that pays for it, how)."""


def object_to(draft: Draft, move: Move) -> None:
    """An objection: the shortfall in figures, the argument behind it, and what would change it."""
    draft.put(phase="discussion")
    state = draft.state
    persona, option = state.persona(move.agent_id), state.option(move.about)
    against = [a for a in scoring.known(state, persona, option.id, move.criterion) if a.delta < 0]
    worst = min(against, key=lambda a: (a.delta, a.id))
    own = scoring.score(scoring.known(state, persona, option.id, move.criterion))
    rival = _rival(draft, move, own)
    to = answerer(state, option.id, move.agent_id)
    addressed = state.persona(to).name.split()[0]
    was_voiced = worst.is_voiced
    draft.voice([worst.id])
    draft.cite([worst])
    word = CRITERIA[move.criterion]
    shapes = (
        (
            f"{addressed}, I cannot go along with “{option.name}” yet: on {word} it stands at "
            f"{own:.2f}, because {worst.text}.{rival} What is your answer?"
        ),
        (
            f"My difficulty with “{option.name}” is {word}: {worst.text}. That is {own:.2f} from "
            f"me.{rival} {addressed}, what contains it?"
        ),
        (
            f"If {worst.text}, how can “{option.name}” hold? On {word} I give it {own:.2f}.{rival} "
            f"{addressed}, over to you."
        ),
    )
    mind = draft.changed_mind(move.agent_id)
    parent = _last_about(draft, option.id)
    key = f"object:{option.id}:{move.criterion}"
    sent = draft.say(
        move.agent_id,
        f"{draft.pick(move.agent_id, shapes)} {mind}",
        key,
        parent=parent,
        is_new=not was_voiced or rival != "",
        option_id=option.id,
        criterion=move.criterion,
    )
    objection = Objection(
        id=f"o{len(draft.state.objections) + 1}",
        option_id=option.id,
        criterion=move.criterion,
        by=move.agent_id,
        to=to,
        text=worst.text,
        message_id=sent,
    )
    draft.put(objections=(*draft.state.objections, objection))


def _rival(draft: Draft, move: Move, own: float) -> str:
    """The option that does better on this point, with its figure."""
    persona = draft.state.persona(move.agent_id)
    others = [
        (scoring.score(scoring.known(draft.state, persona, o.id, move.criterion)), o.name)
        for o in draft.state.on_table
        if o.id != move.about
    ]
    best = max(others, default=(0.0, ""))
    return f" “{best[1]}” has {best[0]:.2f} there." if best[0] > own + 0.05 else ""


def _last_about(draft: Draft, option_id: str) -> str | None:
    found = [
        t.message_id
        for t in draft.state.spoken
        if t.key in {f"propose:{option_id}"} or t.key.startswith(f"object:{option_id}")
    ]
    return found[-1] if found else None


def answer(draft: Draft, move: Move) -> None:
    """The answer to an objection: a fact against it, a safeguard that costs something, or a plain admission."""
    objection = next(o for o in draft.state.objections if o.id == move.about)
    option = draft.state.option(objection.option_id)
    objector = draft.state.persona(objection.by).name.split()[0]
    before = _seen_by(draft, objection)
    counter = _counter(draft, objection)
    if counter is not None:
        text, status, note = _rebut(draft, objection, counter, objector)
    elif len(option.safeguards) < MAX_SAFEGUARDS:
        text, status, note = _amend(draft, objection, option, objector)
    else:
        text, status, note = _concede(draft, objection, option, objector)
    after = _seen_by(draft, objection)
    closed = objection.model_copy(update={"status": status, "answer": note})
    draft.put(objections=tuple(closed if o.id == closed.id else o for o in draft.state.objections))
    moved = (
        f" With that, {CRITERIA[objection.criterion]} goes from {before:.2f} to {after:.2f}."
        if abs(after - before) > 0.004
        else ""
    )
    draft.say(
        move.agent_id,
        f"{text}{moved} {draft.changed_mind(move.agent_id)}",
        f"answer:{objection.id}",
        parent=objection.message_id,
        is_new=status != "conceded",
        option_id=option.id,
        criterion=objection.criterion,
    )


def _seen_by(draft: Draft, objection: Objection) -> float:
    persona = draft.state.persona(objection.by)
    return scoring.score(
        scoring.known(draft.state, persona, objection.option_id, objection.criterion)
    )


def _counter(draft: Draft, objection: Objection) -> Argument | None:
    """A fact for the option on the same point that has not been said, or that the run or the text gives."""
    found = [
        a
        for a in arguments_of(draft.state, objection.option_id, [objection.criterion])
        if a.delta > 0 and (not a.is_voiced or a.source in {"simulation", "user"})
    ]
    used = {o.answer for o in draft.state.objections}
    return next((a for a in found if a.text not in used), None)


def _rebut(
    draft: Draft, objection: Objection, counter: Argument, objector: str
) -> tuple[str, Answer, str]:
    draft.voice([counter.id])
    draft.cite([counter])
    weight = Argument(
        id="",
        option_id=objection.option_id,
        criterion=objection.criterion,
        delta=REBUTTED,
        text=f"{objector}'s objection was met: {counter.text}",
        source="debate",
        event_id=counter.event_id,
    )
    draft.argue(weight)
    shapes = (
        f"{objector}, that leaves one thing out: {counter.text}.",
        f"It is true that {objection.text}; but {counter.text}.",
    )
    return draft.pick(objection.to, shapes), "answered", counter.text


def _amend(
    draft: Draft, objection: Objection, option: Option, objector: str
) -> tuple[str, Answer, str]:
    given = words_for(draft.state.problem)
    given["budget_or_first"] = (
        f"of {given['budget']}" if given["budget"] else "on what may be spent"
    )
    named = draft.state.problem.topic != "this question"
    given["for_topic"] = f" for {given['topic']}" if named else ""
    used = {text for o in draft.state.options for text in o.safeguards}
    offers = [
        (p.format(**given), payer, price) for p, payer, price in SAFEGUARDS[objection.criterion]
    ]
    offer = next((o for o in offers if o[0] not in used), None)
    if offer is None:
        return _concede(draft, objection, option, objector)
    safeguard, payer, price = offer
    draft.argue(
        Argument(
            id="",
            option_id=option.id,
            criterion=objection.criterion,
            delta=AMENDED,
            text=f"safeguard: {safeguard}",
            source="debate",
        )
    )
    draft.argue(
        Argument(
            id="", option_id=option.id, criterion=payer, delta=-0.05, text=price, source="debate"
        )
    )
    draft.replace_option(option.model_copy(update={"safeguards": (*option.safeguards, safeguard)}))
    shapes = (
        f"You have a point, {objector}. I change “{option.name}”: {safeguard}. It has a price, since {price}.",
        f"Then let us add to “{option.name}”: {safeguard}. I know that {price}; it is worth it.",
        f"Fair, {objector}. “{option.name}” goes ahead only like this: {safeguard}; and yes, {price}.",
    )
    return draft.pick(objection.to, shapes), "answered", safeguard


def _concede(
    draft: Draft, objection: Objection, option: Option, objector: str
) -> tuple[str, Answer, str]:
    draft.argue(
        Argument(
            id="",
            option_id=option.id,
            criterion=objection.criterion,
            delta=CONCEDED,
            text=f"nobody had an answer to “{objection.text}”",
            source="debate",
        )
    )
    text = f"{objector}, I have no answer to that: {stop(objection.text)} “{option.name}” carries it as an open risk"
    return f"{upper(text)}.", "conceded", "carried as an open risk"
