"""Reads one command in plain words. How people say it is data (`phrases.toml`); this turns it into commands."""

import re
import tomllib
from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Any, cast

from common.contracts.network import ConnectionKind, ModelClass, Pattern
from planner.editing.commands import (
    AddAgent,
    AddApproval,
    AddTool,
    AddVerifier,
    Command,
    Connect,
    Disconnect,
    GiveTool,
    GoBack,
    Merge,
    MoveTool,
    NameModel,
    Place,
    Remove,
    Rename,
    SetBound,
    SetConcurrency,
    SetModel,
    SetPattern,
    Split,
    TakeTool,
    Vague,
    Where,
)

type Found = dict[str, str]
type Build = Callable[[Found], Command | None]


@cache
def _phrases() -> dict[str, Any]:
    file = resources.files("planner.editing").joinpath("phrases.toml")
    return tomllib.loads(file.read_text("utf-8"))


@cache
def _pieces() -> dict[str, str]:
    table = _phrases()
    words = sorted(table["numbers"], key=len, reverse=True)
    return {
        **table["pieces"],
        "N": r"(?P<n>-?\d+|" + "|".join(words) + ")",
        "CLASS": "(?P<c>" + "|".join(table["model_classes"].values()) + ")",
        "PATTERN": "(?P<p>" + "|".join(table["patterns"].values()) + ")",
    }


@cache
def _compiled(phrase: str) -> re.Pattern[str]:
    """A phrase of the table as a regular expression."""
    text, before = phrase, ""
    while text != before:
        before = text
        text = re.sub(r"\{([A-Z_]+)\}", lambda found: _pieces()[found[1]], text)
    text = re.sub(r"\{([xyzt])\}", r"(?P<\1>.+?)", text)
    return re.compile(text.replace(" ", r"\s+"), re.IGNORECASE | re.DOTALL)


@cache
def _rules() -> tuple[tuple[re.Pattern[str], Build], ...]:
    rules = _phrases()["rule"]
    return tuple(
        (_compiled(say), _BUILDS[rule["intent"]]) for rule in rules for say in rule["says"]
    )


def read(text: str) -> Command | None:
    """The command the text is, or None when it is none."""
    plain, rounds = _bounded(text)
    for pattern, build in _rules():
        if found := pattern.fullmatch(plain):
            groups = {key: value.strip() for key, value in found.groupdict().items() if value}
            if rounds is not None:
                groups["rounds"] = str(rounds)
            if (command := build(groups)) is not None:
                return command
    return None


def _bounded(text: str) -> tuple[str, int | None]:
    """The text without its bound ("at most 3 times"), and the bound."""
    if found := _compiled("{TIMES}").search(text):
        return (text[: found.start()] + text[found.end() :]).strip(" ,"), number(found["n"])
    if found := re.search(r"(?<!\bat)\s+(once|twice|thrice)$", text, re.IGNORECASE):
        return text[: found.start()], number(found[1])
    return text, None


def number(text: str | None) -> int | None:
    """A number in digits or words."""
    if not text:
        return None
    known: dict[str, int] = _phrases()["numbers"]
    lower = text.lower()
    return known[lower] if lower in known else int(lower)


def place_in(text: str) -> tuple[str, Place | None]:
    """The text without its place, and the place ("… after the writer")."""
    for row in _phrases()["place"]:
        if found := _compiled(row["say"]).search(text):
            named = found.groupdict()
            rest = (text[: found.start()] + text[found.end() :]).strip(" ,")
            where = cast("Where", row["where"])
            return rest, Place(where, named.get("x") or "", named.get("y") or "")
    return text, None


def _go_back(found: Found) -> Command:
    if "r" in found:
        return GoBack(None, number(found["r"]))
    if "o" in found:
        return GoBack(None, 1)
    return GoBack(number(found.get("n")) or 1)


def _redo(found: Found) -> Command:
    return GoBack(-(number(found.get("n")) or 1))


def _merge(found: Found) -> Command:
    names = tuple(
        part
        for part in re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+|\s*(?:&|\+)\s*|\s+with\s+", found["x"])
        if part
    )
    return Merge(names, found.get("z", ""))


def _fold(found: Found) -> Command:
    return Merge((found["y"], found["x"]), keep=found["y"])


def _split(found: Found) -> Command:
    parts = re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", found["y"]) if "y" in found else []
    return Split(found["x"], tuple(parts if len(parts) > 1 else ()))


def _model(found: Found) -> Command | None:
    for wanted, phrase in _phrases()["model_classes"].items():
        if _compiled(phrase).fullmatch(found["c"]):
            return SetModel(found.get("x", "it"), cast("ModelClass", wanted))
    return None


def _concurrency(found: Found) -> Command:
    return SetConcurrency(found["x"], number(found.get("n")))


def _pattern(found: Found) -> Command | None:
    for pattern, phrase in _phrases()["patterns"].items():
        if _compiled(phrase).fullmatch(found["p"]):
            return SetPattern(cast("Pattern", pattern))
    return None


def _at(found: Found, default: Where) -> Place | None:
    said = found.get("where", "").lower()
    where: Where = "after" if said in {"after", "behind"} else "before" if said else default
    if "y" in found:
        return Place("between", found["x"], found["y"])
    return Place(where, found["x"]) if "x" in found else None


def _verifier(found: Found) -> Command:
    rest, place = place_in(found.get("rest", ""))
    checks = re.search(
        r"\b(?:to|that|who|which)\s+(?:check|verif(?:y|ies)|review|validate)(?:s|es)?\s+(.+)$",
        rest,
        re.I,
    )
    if place is None and checks:
        place = Place("after", _without_work(checks[1]))
    if place is None and (behind := re.search(r"^(?:for|on|of|to)\s+(.+)$", rest, re.I)):
        place = Place("after", _without_work(behind[1]))
    name = re.search(
        r"\b(?:called|named)\s+[\"'“]?(.+?)[\"'”]?(?=$|\s+(?:to|that|who|which)\s)",
        rest,
        re.IGNORECASE,
    )
    return AddVerifier(name[1] if name else found["v"], place, number(found.get("rounds")))


def _without_work(text: str) -> str:
    """The agent in "the writer's drafts"."""
    found = _compiled("{WORK}$").search(text)
    return text[: found.start()] if found else text


def _checked(found: Found) -> Command:
    return AddVerifier(
        found.get("w", "Verifier"), Place("after", found["x"]), number(found.get("rounds"))
    )


def _approval(found: Found) -> Command:
    return AddApproval(_who(found.get("by") or found.get("w", "")), _at(found, "before"))


def _who(text: str) -> str:
    """Who approves, if the text says more than that a person does."""
    plain = re.sub(_ANYBODY, "", text, flags=re.IGNORECASE)
    return re.sub(r"^(?:an?|the|our|my)\b|'s\b", "", plain.strip(), flags=re.IGNORECASE).strip()


_ANYBODY = (
    r"\b(?:human(?:[\s-]in[\s-]the[\s-]loop)?|manual|approval|sign-?\s?off|gate|step|in\s+the\s+loop|"
    r"someone|somebody|person|people)\b"
)


def _duty(text: str) -> tuple[str, str]:
    """The name and the duty ("a translator that translates replies")."""
    if found := re.search(r"\s+(?:that|who|which|to)\s+(?P<d>.+)$", text, re.IGNORECASE):
        return text[: found.start()], found["d"]
    return text, ""


def _add(found: Found) -> Command | None:
    """A new agent; a new verifier or a person when that is what its name says."""
    text, place = place_in(found["x"])
    text, tool = _with_tool(text)
    tool, duty = _duty(tool)
    text, own_duty = _duty(text)
    duty = duty or own_duty
    if place is None and duty:
        duty, place = place_in(duty)
    if re.search(r"\b(?:tool|connection|link|edge|model)s?$", text, re.IGNORECASE):
        return None
    if checks := _compiled("(?:an? |the |another |some )?{CHECKER}").fullmatch(text.strip()):
        return AddVerifier(checks["v"], place, number(found.get("rounds")))
    if re.search(_ANYBODY, text, re.IGNORECASE) and not re.match(r"some", text.strip(), re.I):
        return AddApproval(_who(text), place)
    name = re.sub(_ANY_AGENT, "", text.strip(), flags=re.IGNORECASE)
    return AddAgent(name.strip() or _from_duty(duty), duty, place, tool)


_ANY_AGENT = (
    r"^(?:an?\s+|the\s+)?(?:(?:new|another|extra)\s+)*"
    r"(?:agent(?:\s+(?:called|named)\s+|\s+(?=\S)|$)|someone$|somebody$|one$|$)"
)


def _with_tool(text: str) -> tuple[str, str]:
    if found := re.search(
        r"\s+with\s+(?:access\s+to\s+)?(?:an?\s+|the\s+)?(?P<t>.+)$", text, re.IGNORECASE
    ):
        return text[: found.start()], found["t"]
    return text, ""


def _from_duty(duty: str) -> str:
    """A name for an agent that has only a duty: who "translates the reply" is a translator."""
    verb = duty.split(maxsplit=1)[0].lower() if duty else ""
    verb = re.sub(r"(?<=[^s])s$", "", re.sub(r"ies$", "y", verb))
    for ending, rest in (("ate", "ator"), ("e", "er"), ("y", "ier")):
        if verb.endswith(ending):
            return verb.removesuffix(ending) + rest
    return f"{verb}er" if verb else ""


def _loop(found: Found) -> Command:
    return Connect(found["y"], found["x"], rounds=number(found.get("rounds")))


def _connect(found: Found) -> Command:
    said = found.get("k", "").lower()
    kind: ConnectionKind = (
        "call" if re.match(r"call|ask|consult|query|delegate", said) else "handoff"
    )
    kind = "publish" if said.startswith("publish") else kind
    return Connect(found["x"], found["y"], kind, number(found.get("rounds")))


def _disconnect(found: Found) -> Command:
    return Disconnect(found["x"], found["y"], "both" in found)


def _remove(found: Found) -> Command:
    return Remove(found["x"], "tools" in found)


def _take(found: Found) -> Command:
    return TakeTool(found["x"], found["t"])


_BUILDS: dict[str, Build] = {
    "go_back": _go_back,
    "redo": _redo,
    "rename": lambda found: Rename(found["x"], found["y"]),
    "merge": _merge,
    "fold": _fold,
    "split": _split,
    "model": _model,
    "stronger": lambda found: SetModel(found["x"], "up"),
    "weaker": lambda found: SetModel(found["x"], "down"),
    "concurrency": _concurrency,
    "double": lambda found: SetConcurrency(found.get("x") or found["x2"], factor=2.0),
    "halve": lambda found: SetConcurrency(found["x"], factor=0.5),
    "pattern": _pattern,
    "approval": _approval,
    "approval_after": lambda found: _approval({**found, "where": "after"}),
    "verifier": _verifier,
    "checked": _checked,
    "loop": _loop,
    "disconnect": _disconnect,
    "move_tool": lambda found: MoveTool(found["t"], found["x"], found["y"]),
    "bound": lambda found: SetBound(found["x"], found.get("y", ""), number(found["n"]) or 0),
    "model_name": lambda found: NameModel(found["x"], found["t"]),
    "take_from_all": lambda found: Remove(f"{found['t']} tool"),
    "take": _take,
    "give": lambda found: GiveTool(found["x"], found.get("t") or found["t2"]),
    "connect": _connect,
    "loose_tool": lambda found: AddTool(found["t"]),
    "vague": lambda found: Vague(found["x"], found["how"]),
    "remove": _remove,
    "add": _add,
}
