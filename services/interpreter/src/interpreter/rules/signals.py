"""How strongly the text speaks of each way to coordinate the work, 0…1."""

import re

from interpreter.rules.duties import duties
from interpreter.rules.lexicon import tables
from interpreter.rules.people import clauses
from interpreter.rules.text import Scan

_PERSONA = re.compile(
    r"\b(?:an?|one|another|the other|somebody|someone|a colleague|the (?:first|second|third))\s+"
    r"(?:[\w-]+\s){0,4}?(?:who|that|which|for|looks|writes|reads|checks|does|collects|handles|plans)\b",
    re.IGNORECASE,
)


_ABOUT_RULES = re.compile(
    r"\b(?:rules?|matrix|polic(?:y|ies)|table) (?:about|on|of|for|saying) who\b", re.IGNORECASE
)
_SURELY, _HARDLY = 0.85, 0.3


def signals(scan: Scan) -> dict[str, float]:
    """Each signal's cues add up as independent hints: 1 - Π(1 - weight). Signals not found are left out."""
    weights = tables.weights("signals")
    missing: dict[str, float] = {}
    for key in sorted({match.key for match in scan.find(tables.coordination())}):
        name, _, cue = key.partition("|")
        missing[name] = missing.get(name, 1.0) * (1.0 - weights[name][cue])
    if human := _human(scan):
        missing["human"] = 1.0 - human
    leads = {duty.lead for duty in duties(scan, clauses(scan)) if duty.lead}
    if len(leads) > 1:
        missing["hierarchical"] = missing.get("hierarchical", 1.0) * (1.0 - _SURELY)
    personas = len(_PERSONA.findall(scan.text))
    if personas > 1:
        missing["personas"] = 1.0 - min(1.0, personas / 5)
    return {name: round(1.0 - rest, 3) for name, rest in sorted(missing.items())}


def _human(scan: Scan) -> float:
    weights = tables.weights("people")["human"]
    rest = 1.0
    for cue in sorted({match.key for match in scan.find(tables.people())}):
        rest *= 1.0 - weights[cue]
    if clauses(scan):
        rest *= 1.0 - _SURELY
    if _ABOUT_RULES.search(scan.text):
        return (1.0 - rest) * _HARDLY
    return 1.0 - rest
