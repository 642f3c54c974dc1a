"""What a sentence is there for: work to be done, or only the situation in which it arises.

Sentences that say who the writer is, what happens today, how much arrives or what must hold throughout are no steps;
what they name (systems, papers, numbers) is read elsewhere.
"""

import re

from interpreter.rules.lexicon import tables
from interpreter.rules.text import Scan, Span

_WISHED = re.compile(
    r"\b(?:want(?:s|ed)?|need(?:s|ed)?|should|must|shall|would like|wish(?:es)?|please|has to|have to|ought|will|let|"
    r"supposed to|expect(?:s|ed)?|looking for|goal|task is|idea|require[sd]?|to be)\b|:|->|=>|\u2192",
    re.IGNORECASE,
)
_SELF = re.compile(
    r"^(?:(?:hi|hello|hey|dear \w+)[,!.]?\s+)?(?:(?:we|i)(?: are|'re|\u2019re| am|'m|\u2019m| run|"
    r" operate| own| grow| sell| make| offer|"
    r" produce| manufacture| rent| breed| brew| bake| serve| employ| have| work(?: as| at| in| for)?| look after)\b"
    r"|[\w&'\u2019 -]{3,60} here\b)",
    re.IGNORECASE,
)
_NOW = re.compile(
    r"^(?:but |and |so )?(?:today|currently|at the moment|until now|so far|right now|nowadays|these days|"
    r"in the past|as of now|"
    r"at present|up to now|every year|each year|over the years|many|most|often|sometimes|too often|"
    r"usually|there (?:is|are)|"
    r"this is because|it is|it's|this (?:costs|takes|is)|it (?:costs|takes)|nobody|no one|somebody (?:loses|wastes))\b",
    re.IGNORECASE,
)
_BURDEN = re.compile(
    r"\b(?:loses?|wastes?|spends?|takes? (?:us |them |me )?(?:too long|about|around|ages|hours|days|weeks|"
    r"two|three|four|a)|"
    r"by hand today|by hand now|is slow|are slow|get lost|gets lost|falls? behind|piles? up|is a mess|"
    r"overwhelm\w*|drown\w*|"
    r"complains? about|go(?:es)? wrong|is error-prone)\b",
    re.IGNORECASE,
)
_VOLUME = re.compile(
    r"\b(?:gets?|receives?|handles?|has|have|sees?|processes?|takes? in|come in|arrive|comes in|serves?|"
    r"answers?|books?|ships?)\s+"
    r"(?:about |around |roughly |some |up to |between |over |more than |nearly |almost |approximately |approx\.? )?\d",
    re.IGNORECASE,
)
_ARRIVES = re.compile(
    r"\b(?:arrives?|comes? in|come(?:s)? (?:by|via|with|through|as|from)|are (?:sent|submitted|uploaded|"
    r"filed|received)|"
    r"is (?:sent|submitted|uploaded|filed|received)|fills? (?:in|out)? ?(?:a|an|the|our)|streams?|"
    r"hands? in|flows? in|pours? in)\b",
    re.IGNORECASE,
)
_THROUGHOUT = re.compile(
    r"\b(?:must|has to|have to|should|needs? to)\s+(?:always |also |all )?(?:be|remain|stay)\s+(?:fully |"
    r"well |always )?"
    r"(?:explainable|traceable|auditable|transparent|logged|documented|recorded|retained|anonymous|"
    r"confidential|encrypted|"
    r"compliant|reproducible|available|secure|polite|friendly|correct|fast|cheap|justified|kept|stored)\b"
    r"|^(?:no |nothing |never |under no circumstances|don't|do not|it must not|they must not)\b",
    re.IGNORECASE,
)
_ORGANISED = re.compile(r"^(?:our|we|a|an|the|my)\b", re.IGNORECASE)
_LONGEST_HEADING_WORDS = 10
_MOST_ACTIONS = 1


def is_context(scan: Scan, sentence: Span, verbs: int) -> bool:
    """Whether a sentence only describes; `verbs` is how many actions were seen in it as verbs."""
    text = scan.text[sentence.start : sentence.end].strip()
    if _THROUGHOUT.search(text) and verbs <= _MOST_ACTIONS + 1:
        return True
    if _WISHED.search(text):
        return False
    if any(cue.search(text) for cue in (_SELF, _NOW, _BURDEN, _VOLUME)):
        return True
    if _ARRIVES.search(text) and verbs <= _MOST_ACTIONS:
        return True
    return _is_habit(scan, sentence, text, verbs)


def _is_habit(scan: Scan, sentence: Span, text: str, verbs: int) -> bool:
    """An organisation and the one thing it does ("Our hospital writes letters"), or a heading without a verb."""
    if verbs > _MOST_ACTIONS:
        return False
    if verbs == 0 and sentence.sentence == 0:
        return sentence.last - sentence.first <= _LONGEST_HEADING_WORDS
    begins = {
        scan.lower[place] for place in range(sentence.first, min(sentence.first + 6, sentence.last))
    }
    names_house = bool(begins & tables.words("organisations"))
    return bool(_ORGANISED.match(text)) and (names_house or begins & {"we"} != set())
