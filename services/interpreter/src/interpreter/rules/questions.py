"""What the text leaves open: questions to the user, and what is assumed until they are answered."""

from common.contracts.scenario import Assumption, Found, Quantity, Question, Step
from interpreter.rules.lexicon import tables
from interpreter.rules.text import Scan

_MOST = 8
_ACTS = frozenset({"pay", "trade", "order", "deploy", "publish", "book", "update"})


def questions(
    scan: Scan,
    steps: tuple[Step, ...],
    quantities: tuple[Quantity, ...],
    approvals: tuple[Found, ...],
) -> tuple[Question, ...]:
    """At most eight, the ones that change the network first."""
    kinds = {quantity.kind for quantity in quantities}
    asked: list[Question] = []
    for match in scan.find(tables.vague()):
        text = tables.table("vague")[match.key][0]
        if match.key in {"large", "small"} and kinds & {"threshold", "money"}:
            continue
        if all(known.text != text for known in asked):
            evidence = scan.evidence_of(match)
            asked.append(
                Question(
                    id="",
                    text=text,
                    why=f"\u201c{evidence.text}\u201d can be read in several ways.",
                    evidence=(evidence,),
                )
            )
    if not kinds & {"volume", "count"}:
        asked.append(
            Question(
                id="",
                text="How many tasks arrive per hour, and when is the peak?",
                why="The number of agents and the cost depend on it.",
            )
        )
    if not kinds & {"deadline", "duration"}:
        asked.append(
            Question(
                id="",
                text="How long may one task take from arrival to result?",
                why="It decides between working in parallel and in sequence.",
            )
        )
    risky = next((step for step in steps if step.verb in _ACTS), None)
    if risky and not approvals:
        asked.append(
            Question(
                id="",
                text=f"Who may allow the step \u201c{risky.name}\u201d, and from when on is a person asked?",
                why="It acts on the world and cannot always be undone.",
                evidence=risky.evidence,
            )
        )
    return tuple(q.model_copy(update={"id": f"q{n}"}) for n, q in enumerate(asked[:_MOST], 1))


def assumptions(
    quantities: tuple[Quantity, ...], steps: tuple[Step, ...]
) -> tuple[Assumption, ...]:
    """What is taken for granted where the text is silent."""
    kinds = {quantity.kind for quantity in quantities}
    found = []
    if "volume" not in kinds:
        found.append(
            Assumption(
                text="Tasks arrive one by one at a moderate load.", why="The text names no volume."
            )
        )
    if "hours" not in kinds:
        found.append(
            Assumption(
                text="The network works around the clock; people only when they are on duty.",
                why="The text names no hours.",
            )
        )
    if any(step.capabilities for step in steps):
        found.append(
            Assumption(
                text="The systems named have an interface to read, and to write where a step changes them.",
                why="The text says what is done there, not how.",
            )
        )
    return tuple(found)


def not_a_scenario(scan: Scan, is_addressed_to_machine: bool) -> tuple[Question, ...]:
    """What to ask when there is nothing to rehearse."""
    why = (
        "The text reads as instructions to this program; they are not carried out."
        if is_addressed_to_machine
        else "No step of work could be read in the text."
    )
    evidence = (scan.words(0, min(len(scan.tokens), 12)),) if scan.tokens else ()
    return (
        Question(
            id="q1",
            text="What comes in, what must be done with it, and what should come out? One or two sentences do.",
            why=why,
            evidence=evidence,
        ),
        Question(
            id="q2",
            text="Who is involved, and which systems hold the data?",
            why="Roles and tools follow from it.",
        ),
    )
