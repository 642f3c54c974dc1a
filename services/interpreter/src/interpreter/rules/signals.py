"""How strongly the text speaks of each way to coordinate the work, 0…1."""

import re

from interpreter.rules.lexicon import tables
from interpreter.rules.text import Scan

_PERSONA = re.compile(
    r"\b(?:an?|one|another|the other|somebody|someone|a colleague|the (?:first|second|third))\s+"
    r"(?:[\w-]+\s){0,4}?(?:who|that|which|for|looks|writes|reads|checks|does|collects|handles|plans)\b",
    re.IGNORECASE,
)


_PERSON = (
    r"(?:manager|supervisor|doctor|physician|lawyer|attorney|partner|underwriter|clerk|officer|editor|engineer|"
    r"director|operator|nurse|pharmacist|accountant|caseworker|case worker|dispatcher|teacher|recruiter|"
    r"auditor|board|committee|clinician|technician|planner|adjuster|controller|person|human|colleague|handler|chef|foreman|warden|"
    r"employee|expert|boss|owner|lead|leader|specialist|consultant|cfo|ceo|cto|counsel|therapist|vet)"
)
_BY_PERSON = re.compile(
    r"\b(?:approved|signed(?: off)?|released|confirmed|authori[sz]ed|decided|checked|reviewed) by "
    rf"(?:an?|the|our|my|his|her|their) (?:\w+ ){{0,2}}?{_PERSON}\b"
    rf"|\b(?:asks?|consults?) (?:an?|the|our|their) (?:\w+ ){{0,2}}?{_PERSON}\b"
    rf"|\b{_PERSON},? (?:who )?(?:then |finally |must |has to )?(?:decides?|approves?|signs?|releases?|agrees?)\b"
    rf"|\b(?:have|has|let|lets|having) (?:an?|the|our) (?:\w+ ){{0,2}}?{_PERSON} "
    r"(?:check|sign|approve|confirm|review|look|decide)"
    rf"|\b(?:go|goes|sent|passed|forwarded|escalated|handed) to (?:an?|the|our) (?:\w+ ){{0,2}}?{_PERSON}\b(?! agent)"
    rf"|\b(?:after|before|until|unless) (?:an?|the|our|my) (?:\w+ ){{0,2}}?{_PERSON} (?:has |have )?"
    r"(?:agree[sd]|approve[sd]|confirm(?:s|ed)|sign(?:s|ed)|release[sd]|seen|says? (?:yes|ok))"
    r"|\bbefore (?:\w+ ){1,2}ha(?:s|ve) (?:looked|approved|agreed|seen|signed|confirmed)"
    rf"|\b{_PERSON}'s? (?:consent|approval|ok|signature|decision)\b",
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
    personas = len(_PERSONA.findall(scan.text))
    if personas > 1:
        missing["personas"] = 1.0 - min(1.0, personas / 5)
    return {name: round(1.0 - rest, 3) for name, rest in sorted(missing.items())}


def _human(scan: Scan) -> float:
    weights = tables.weights("people")["human"]
    rest = 1.0
    for cue in sorted({match.key for match in scan.find(tables.people())}):
        rest *= 1.0 - weights[cue]
    if _BY_PERSON.search(scan.text):
        rest *= 1.0 - _SURELY
    if _ABOUT_RULES.search(scan.text):
        return (1.0 - rest) * _HARDLY
    return 1.0 - rest
