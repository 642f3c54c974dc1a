"""Which capabilities a duty needs, and which it must not hold (least privilege)."""

import re
from collections.abc import Sequence

from common.contracts.scenario import Step
from planner.rules.occupations import functions

_ACTING = frozenset(
    (
        "pay",
        "resolve",
        "answer",
        "book",
        "order",
        "sell",
        "trade",
        "update",
        "decide",
        "deploy",
        "notify",
        "schedule",
        "optimize",
    )
)
_TELLING = _ACTING | {
    "write",
    "publish",
    "route",
    "report",
    "summarize",
    "compile",
    "recommend",
    "teach",
    "monitor",
    "detect",
}
_EFFECTS: dict[str, frozenset[str]] = {
    "payment_api": frozenset({"pay", "resolve", "order", "sell", "book"}),
    "trading_execution": frozenset({"trade", "order", "sell"}),
    "deployment_ops": frozenset({"deploy", "resolve", "update"}),
    "purchase_order": frozenset({"order", "pay", "book"}),
    "email_send": _TELLING,
    "messaging": _TELLING,
}
_SOURCES = frozenset(
    [
        "web_search",
        "news_api",
        "academic_search",
        "social_media",
        "vector_search",
        "sql_database",
        "crm",
        "file_read",
        "market_data",
        "company_filings",
        "clinical_data",
        "property_data",
        "email_read",
        "source_control",
        "monitoring",
        "threat_intel",
        "travel_search",
        "maps_geo",
    ]
)
_PUBLIC = re.compile(
    r"\b(?:research|market|competitor|trend|compan|industry|public|background|topic|sources?|facts?|news|audience|"
    r"internet|online|prices?|studies|best practice|latest|current)",
    re.IGNORECASE,
)
_GOODS = re.compile(
    r"\b(?:parts?|materials?|stock|supplies|goods|spares?|ingredients|medicines?)\b", re.IGNORECASE
)
_PAPERS = re.compile(
    r"\b(?:letters?|reports?|documents?|invoices?|contracts?|practitioner|offers?)\b", re.IGNORECASE
)


def may_hold(step: Step, capability: str) -> bool:
    """Whether a duty of this kind needs the capability itself: who checks a payment does not pay (least privilege)."""
    verbs = _EFFECTS.get(capability)
    return verbs is None or step.verb in verbs


def sources(verb: str, steps: Sequence[Step], named: Sequence[str]) -> tuple[str, ...]:
    """Research needs a source: the public web when the text names none and the subject is public."""
    is_public = any(_PUBLIC.search(words_of(step)) for step in steps)
    wants = verb == "research" and is_public and not set(named) & _SOURCES
    return ("web_search",) if wants else ()


def channel(verb: str, steps: Sequence[Step], held: Sequence[str]) -> tuple[str, ...]:
    """Who tells somebody something needs a channel: mail for papers, a message where the text names none."""
    if verb != "notify" or {"email_send", "messaging", "social_media"} & set(held):
        return ()
    has_papers = any(_PAPERS.search(words_of(step)) for step in steps)
    return ("email_send",) if has_papers else ("messaging",)


def stage_of(verb: str) -> str:
    """Where in the work a verb belongs: intake, gather, assess, decide, produce, quality, act, lead, memory."""
    function = functions().get(verb)
    return function.stage if function else "act"


def words_of(step: Step) -> str:
    """The text a step was read from, else its name."""
    return " ".join(span.text for span in step.evidence) or step.name


def ordering(steps: Sequence[Step]) -> tuple[str, ...]:
    """Who orders goods needs a way to order them, whatever words the text has for it."""
    orders = any(step.verb == "order" for step in steps)
    return ("purchase_order",) if orders and any(_GOODS.search(words_of(s)) for s in steps) else ()
