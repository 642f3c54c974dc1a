"""Moves of the first phases: frame the problem, name gaps, bring in options, assess them, ask, sum up, reply."""

from common.contracts.conversations import QuestionAsked
from common.personas import CRITERIA
from conversation.rules.deliberation import scoring
from conversation.rules.deliberation.draft import Draft, arguments_of, joined, stop, upper
from conversation.rules.deliberation.floor import Move, missing, what_depends
from conversation.rules.deliberation.options import STRESSED_BY, words_for
from conversation.rules.deliberation.state import Argument, Option

_ASSUMED = {
    "cost": "that money is limited but no sum is fixed",
    "speed": "that sooner is better but no day is fixed",
    "quality": "that “better” is judged by those affected, because no figure says it",
    "acceptance": "that nobody outside the team has to agree first",
}
_ASK = {
    "cost": "Which sum must not be passed?",
    "speed": "By when must it be settled and working?",
    "quality": "Which figure would tell you that it worked?",
    "acceptance": "Whose agreement is needed before anything can begin?",
}


def frame(draft: Draft, move: Move) -> None:
    """What is to be settled, between which bounds, for whom."""
    problem = draft.state.problem
    names = [f"({o.id}) {o.name}" for o in draft.state.options]
    opening = (
        f"We have to choose: {joined(names)}"
        if problem.is_choice
        else f"We are here to {problem.action}"
    )
    parts = [stop(opening)]
    bounds = [f"“{bound.text}”" for bound in problem.bounds]
    if bounds:
        parts.append(
            f"The text sets {joined(bounds[:4])} as {'bounds' if len(bounds) > 1 else 'a bound'}."
        )
    if problem.people:
        parts.append(f"It touches {joined(problem.people[:4])}.")
    stressed = sorted(
        ((w, c) for c, w in draft.state.emphasis.items() if c != "goal_fit"), reverse=True
    )[:2]
    if stressed:
        parts.append(
            f"Its own words stress {joined(CRITERIA[c] for _, c in stressed)}{_because(draft, stressed)}."
        )
    if any(option.origin == "simulation" for option in draft.state.options):
        parts.append("A simulation is linked, so its run counts as evidence.")
    elif not problem.is_choice:
        first = draft.state.persona(draft.state.options[0].proposer).name
        parts.append(f"No way is named, so we have to find some; {first} begins.")
    draft.say(move.agent_id, " ".join(parts), "frame")


def _because(draft: Draft, stressed: list[tuple[float, str]]) -> str:
    """The words of the text behind the stress."""
    chosen = {criterion for _, criterion in stressed}
    cues = [p for cue, p in draft.state.problem.cues.items() if STRESSED_BY[cue] in chosen]
    return f" ({joined(f'“{cue}”' for cue in cues)})" if cues else ""


def gaps(draft: Draft, move: Move) -> None:
    """What the text leaves open, and what is assumed until somebody says otherwise."""
    lacks = missing(draft.state)[:2]
    assumed = [_ASSUMED[criterion] for criterion in lacks]
    named = joined(CRITERIA[c] for c in lacks)
    shapes = (
        (
            f"Before we {draft.state.problem.action}: the "
            f"text says nothing that bounds {named}. I assume {joined(assumed)}, "
            f"until somebody says otherwise."
        ),
        (
            f"One thing is missing to {draft.state.problem.action}: anything on {named}. Let us "
            f"assume {joined(assumed)}; it may be corrected at any time."
        ),
    )
    draft.put(
        assumptions=(
            *draft.state.assumptions,
            *(upper(text.removeprefix("that ")) for text in assumed),
        )
    )
    draft.say(move.agent_id, draft.pick(move.agent_id, shapes), "gaps")


def propose(draft: Draft, move: Move) -> None:
    """Bring an option to the table with what speaks for it; its advocate leaves the rest to the others."""
    draft.put(phase="exploration")
    option = draft.state.option(move.about)
    draft.replace_option(option.model_copy(update={"is_introduced": True}))
    pros = [a for a in arguments_of(draft.state, option.id) if a.delta > 0][:2]
    cons = [a for a in arguments_of(draft.state, option.id) if a.delta < 0][:1]
    shown = [*pros, *cons[: 0 if len(pros) == 2 else 1]]
    draft.voice(a.id for a in shown)
    draft.cite(shown)
    text = f"{_opening(draft, move.agent_id, option)} {_case(pros)}"
    if len(pros) < 2 and cons:
        text += f" Against it: {stop(cons[0].text)}"
    if not shown:
        text += (
            " Nobody has given a fact about it yet, so I put it down without a score of its own."
        )
    mind = draft.changed_mind(move.agent_id)
    draft.say(
        move.agent_id,
        f"{text} {mind}",
        f"propose:{option.id}",
        kind="proposal",
        option_id=option.id,
    )


def _opening(draft: Draft, agent_id: str, option: Option) -> str:
    how = "" if option.summary == option.name else f": {stop(option.summary)}"
    dot = "" if how else "."
    first = not any(turn.key.startswith("propose") for turn in draft.state.spoken)
    shapes = (
        f"Option {option.id}, “{option.name}”{how}{dot}",
        f"I put “{option.name}” on the table as option {option.id}{how}{dot}",
        f"{'First' if first else 'Beside that'} there is option {option.id}, “{option.name}”{how}{dot}",
    )
    return draft.pick(agent_id, shapes)


def _case(pros: list[Argument]) -> str:
    parts = [
        f"{'For' if n == 0 else 'and for'} {CRITERIA[a.criterion]}: {a.text}"
        for n, a in enumerate(pros)
    ]
    return stop(", ".join(parts)) if parts else ""


def assess(draft: Draft, move: Move) -> None:
    """A specialist goes through the options by its own criteria and voices what it knows."""
    persona = draft.state.persona(move.agent_id)
    unsaid = [
        a
        for option in draft.state.on_table
        for a in arguments_of(draft.state, option.id, persona.criteria)
        if not a.is_voiced
    ]
    unsaid.sort(key=lambda a: (-abs(a.delta) * persona.criteria[a.criterion], a.id))
    shown = _one_per_option(unsaid)[:3]
    draft.voice(a.id for a in shown)
    draft.cite(shown)
    parts = [
        (
            f"“{draft.state.option(a.option_id).name}” {'gains' if a.delta > 0 else 'loses'} on "
            f"{CRITERIA[a.criterion]}, because {a.text}"
        )
        for a in shown
    ]
    criterion = max(persona.criteria, key=lambda c: persona.criteria[c])
    ranked = sorted(
        (
            (scoring.score(scoring.known(draft.state, persona, o.id, criterion)), o.id)
            for o in draft.state.on_table
        ),
        reverse=True,
    )
    figures = ", ".join(f"{option_id} {value:.2f}" for value, option_id in ranked)
    mind = draft.changed_mind(move.agent_id)
    text = f"{_lead_in(draft, move)} {stop('; '.join(parts))} On {CRITERIA[criterion]} I score {figures}. {mind}"
    draft.say(
        move.agent_id,
        text,
        f"assess:{move.agent_id}",
        scores={o: round(v, 3) for v, o in ranked},
    )


def _lead_in(draft: Draft, move: Move) -> str:
    shapes = {
        "technical_architect": (
            "How each would work, and what it forecloses.",
            "Looking at the mechanism rather than the promise.",
        ),
        "quality_assurance": (
            "What can go wrong, and how we would notice.",
            "I have looked for the worst case of each.",
        ),
        "resource_coordinator": (
            "What it takes in people and money.",
            "I have put hands and money beside each.",
        ),
        "creative_strategist": ("Seen from the side of those it is for.", "Turning it round:"),
        "project_manager": (
            "Against the goal and the calendar.",
            "Where each stands against what was asked.",
        ),
    }.get(move.agent_id, (f"As {draft.state.persona(move.agent_id).role}:",))
    return draft.pick(move.agent_id, shapes)


def _one_per_option(arguments: list[Argument]) -> list[Argument]:
    first: dict[str, Argument] = {}
    for argument in arguments:
        first.setdefault(argument.option_id, argument)
    return list(first.values())


def ask(draft: Draft, move: Move) -> None:
    """A question to the user whose answer decides which option leads."""
    state = draft.state
    low, high = what_depends(state, move.criterion)
    given = words_for(state.problem)
    question = _ASK[move.criterion].format(**given)
    why = (
        f"If {CRITERIA[move.criterion]} hardly matters, “{state.option(low).name}” leads; "
        f"if it matters most, “{state.option(high).name}” does."
    )
    question_id = f"q{len(state.questions) + 1}"
    sent = draft.say(
        move.agent_id,
        f"A question to you, because the team cannot settle it: {question} {why}",
        f"ask:{move.criterion}",
        kind="question_to_user",
        is_question=True,
        question_id=question_id,
    )
    asked = QuestionAsked(
        id=question_id,
        message_id=sent,
        text=question,
        why=why,
        asked_by=move.agent_id,
        policy=state.bounds.question_policy,
        deadline_s=state.bounds.question_deadline_s,
        default="it is not the deciding point",
        options=("it is tight", "it is not the deciding point"),
    )
    draft.question = asked
    draft.put(questions=(*draft.state.questions, asked), pending=question_id)


def ask_about(draft: Draft, move: Move) -> None:
    """A question for facts on an option that nobody here knows anything about."""
    state = draft.state
    option = state.option(move.about)
    question_id = f"q{len(state.questions) + 1}"
    text = f"What speaks for “{option.name}”, and what against it?"
    why = "The text says nothing about it, and nobody in the team does either; so far it counts as average."
    sent = draft.say(
        move.agent_id,
        f"A question to you, because nobody here can answer it: {text} {why}",
        f"ask:about:{option.id}",
        kind="question_to_user",
        is_question=True,
        question_id=question_id,
    )
    asked = QuestionAsked(
        id=question_id,
        message_id=sent,
        text=text,
        why=why,
        asked_by=move.agent_id,
        policy=state.bounds.question_policy,
        deadline_s=state.bounds.question_deadline_s,
    )
    draft.question = asked
    draft.put(questions=(*state.questions, asked), pending=question_id)


def summarise(draft: Draft, move: Move) -> None:
    """Where the team stands, so that the long transcript need not be read."""
    state = draft.state
    order = scoring.leaders(state)
    parts = [f"{o} “{state.option(o).name}” {scoring.team_total(state, o):.2f}" for o in order[:3]]
    settled = [
        f"{CRITERIA[o.criterion]} of {o.option_id}" for o in state.objections if o.status != "open"
    ]
    text = f"Where we stand after {state.messages} messages: {joined(parts)}."
    if settled:
        text += f" Answered so far: {joined(settled[-3:])}."
    leans = state.leans
    if leans:
        by_option = {
            o: [state.persona(a).name.split()[0] for a in sorted(leans) if leans[a] == o]
            for o in order
        }
        text += " " + stop(
            "; ".join(
                f"{joined(names)} lean{'s' if len(names) == 1 else ''} to {o}"
                for o, names in by_option.items()
                if names
            )
        )
    draft.say(move.agent_id, text, f"summarise:{state.messages}", kind="summary", is_new=False)
    draft.put(summarised_at=draft.state.messages)


def reply(draft: Draft, move: Move) -> None:
    """An answer to what the user said, and what it changed."""
    state = draft.state
    parent, _, content = state.to_address[0].partition("|")
    draft.put(to_address=state.to_address[1:])
    new = [a for a in state.arguments if a.source == "user" and a.by == parent]
    quoted = f"“{content[:140]}{'…' if len(content) > 140 else ''}”"
    if new:
        effects = [
            (
                f"{'for' if a.delta > 0 else 'against'} “{state.option(a.option_id).name}” on "
                f"{CRITERIA[a.criterion]}"
            )
            for a in new
        ]
        text = f"You say {quoted}. I take that as {joined(effects)}; the scores follow."
    elif (
        fresh := next(
            (o for o in state.options if o.origin == "user" and o.parts == (parent,)), None
        )
    ) is not None:
        text = f"You bring in “{fresh.name}”. It goes on the table as option {fresh.id}."
    else:
        first = scoring.leaders(state)[0] if state.on_table else None
        where = (
            f" For now “{state.option(first).name}” leads with {scoring.team_total(state, first):.2f}."
            if first
            else ""
        )
        text = (
            f"Noted: {quoted}. It names none of the options and gives no reason for or against "
            f"one, so the scores stay.{where}"
        )
    mind = draft.changed_mind(move.agent_id)
    draft.say(
        move.agent_id, f"{text} {mind}", f"reply:{parent}", parent=parent or None, is_new=bool(new)
    )
