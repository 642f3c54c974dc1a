"""From a text to its interpretation; every claim keeps the span it was read from."""

from common.contracts.scenario import Assumption, Found, Interpretation, Step
from interpreter.rules import findings, questions
from interpreter.rules.lexicon import tables
from interpreter.rules.quantities import quantities
from interpreter.rules.signals import signals
from interpreter.rules.steps import steps
from interpreter.rules.text import Scan

_WISH = frozenset(
    [
        "want",
        "wants",
        "need",
        "needs",
        "should",
        "would",
        "like",
        "must",
        "has",
        "have",
        "expect",
        "please",
    ]
)
_FEWEST_WORDS = 4
_LEAST_ENGLISH = 0.12
_TITLE_CHARS = 70


def interpret(text: str) -> Interpretation:
    """Read a scenario of 1…20,000 characters; a text that is none comes back with `is_scenario` False and questions."""
    scan = Scan(text)
    injections = findings.injections(scan)
    read = tuple(step for step in steps(scan) if not _is_within(step, injections))
    if not _is_scenario(scan, read):
        return _refusal(scan, injections)
    numbers = quantities(scan)
    approvals = findings.approvals(scan)
    return Interpretation(
        is_scenario=True,
        title=_title(scan),
        goal=_goal(scan),
        industry=findings.industry(scan),
        summary=_summary(read),
        actors=findings.actors(scan),
        triggers=findings.triggers(scan),
        steps=read,
        entities=findings.entities(scan),
        external_systems=findings.external_systems(scan),
        quantities=numbers,
        constraints=findings.constraints(scan),
        compliance=findings.compliance(scan),
        risks=_risks(scan, injections),
        approvals=approvals,
        questions=questions.questions(scan, read, numbers, approvals),
        assumptions=questions.assumptions(numbers, read),
        signals=signals(scan),
    )


def _is_within(step: Step, clauses: tuple[Found, ...]) -> bool:
    """Whether a step is only what somebody tells the machine to do."""
    place = step.evidence[0]
    return any(
        place.start <= clause.evidence[0].start < place.end
        or clause.evidence[0].start <= place.start < clause.evidence[0].end
        for clause in clauses
    )


def _is_scenario(scan: Scan, read: tuple[Step, ...]) -> bool:
    words = [token.word.lower() for token in scan.tokens]
    if len(words) < _FEWEST_WORDS or not read:
        return False
    known = tables.known_stems()
    english = sum(word in tables.words("function") for word in words) / len(words)
    lexical = sum(token.stem in known for token in scan.tokens) / len(words)
    if english < _LEAST_ENGLISH and lexical < 0.5:
        return False
    is_question = scan.text.strip().endswith("?") and len(scan.sentences) == 1
    return not is_question or bool(set(words) & _WISH)


def _refusal(scan: Scan, injections: tuple[Found, ...]) -> Interpretation:
    return Interpretation(
        is_scenario=False,
        title="No scenario yet",
        goal=Found(name="unknown", confidence=0.0),
        industry=Found(name="general", confidence=0.0),
        summary="The text does not describe work that agents could do.",
        risks=_risks(scan, injections),
        questions=questions.not_a_scenario(scan, bool(injections)),
        assumptions=(
            Assumption(text="Nothing is assumed about the work.", why="The text describes none."),
        ),
    )


def _risks(scan: Scan, injections: tuple[Found, ...]) -> tuple[Found, ...]:
    found = findings.risks(scan)
    if not injections or any(risk.name == "manipulated input" for risk in found):
        return found
    return (
        *found,
        Found(name="manipulated input", evidence=injections[0].evidence, confidence=0.9),
    )


def _goal(scan: Scan) -> Found:
    """The first sentence that says what is wanted, else the first."""
    for sentence in scan.sentences:
        words = {token.word.lower() for token in scan.tokens[sentence.first : sentence.last]}
        if words & _WISH:
            evidence = scan.evidence(sentence.start, sentence.end)
            return Found(name=_short(evidence.text, 200), evidence=(evidence,), confidence=0.8)
    first = scan.sentences[0]
    evidence = scan.evidence(first.start, first.end)
    return Found(name=_short(evidence.text, 200), evidence=(evidence,), confidence=0.5)


def _title(scan: Scan) -> str:
    first = scan.sentences[0]
    return _short(scan.evidence(first.start, first.end).text.rstrip("."), _TITLE_CHARS)


def _short(text: str, most: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1].rsplit(" ", 1)[0] + "\u2026"


def _summary(read: tuple[Step, ...]) -> str:
    return (
        f"{len(read)} steps: "
        + "; ".join(step.name for step in read[:8])
        + ("; \u2026" if len(read) > 8 else "")
    )
