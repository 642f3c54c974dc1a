"""Which class of model an agent wants, with the reason."""

from collections.abc import Sequence

from common.contracts.network import AgentSpec, ModelClass, Network
from mapper.rules.choice import duties
from mapper.rules.data import table
from mapper.rules.wording import asks_for, clauses, plain, stem

type Choice = tuple[ModelClass | None, str]

_CALLED_BY_A_SUPERVISOR = (
    2  # one called helper is a tool-like call; two or more answers must be merged
)


def model_class(agent: AgentSpec, network: Network, steps: Sequence[str] = ()) -> Choice:
    """The class and why. A reason that is already there is kept: a person or the planner has decided.

    People have none. A supervisor plans and merges, so it is large whatever its wording says; a verifier is never
    small, since a weak check passes what a weak worker made.
    """
    if agent.kind == "human":
        return None, "a person, no model"
    if agent.model_reason:
        return agent.model_class, agent.model_reason
    helpers = [e for e in network.connections if e.source == agent.id and e.kind == "call"]
    if len(helpers) >= _CALLED_BY_A_SUPERVISOR:
        return "large", f"plans for {len(helpers)} helpers and merges their answers"
    leads = len(network.agents) == 1 or any(
        e.source == agent.id and e.kind not in {"tool", "memory"} for e in network.connections
    )
    chosen, reason = _by_wording(clauses(duties(agent, steps)), leads=leads)
    if agent.is_verifier and chosen == "small":
        return "medium", "a verifier must not be weaker than what it checks"
    return chosen, reason


def _by_wording(spoken: Sequence[tuple[str, ...]], *, leads: bool) -> tuple[ModelClass, str]:
    """The class of the hardest work named. A plan sets the ceiling only for those who follow it (`leads`)."""
    for judge in (_reasoning, _planning, _high_stakes) if leads else (_reasoning, _high_stakes):
        for clause in spoken:
            if found := judge(clause):
                return found
    for name in ("medium", "small"):
        for clause in spoken:
            verb = _leading(clause, name) or (name == "medium" and _leading(clause, "large"))
            if verb:
                return _class(name), f"{_reason(name)} (“{verb}”)"
    return "medium", "assumed: the duty names no work that is clearly easier or harder"


def _reasoning(clause: tuple[str, ...]) -> tuple[ModelClass, str] | None:
    row = table("models")["reasoning"]
    said = _leading(clause, "reasoning") or next(
        (phrase for phrase in row["phrases"] if asks_for(clause, phrase)), None
    )
    return ("reasoning", f"{_reason('reasoning')} (“{said}”)") if said else None


def _planning(clause: tuple[str, ...]) -> tuple[ModelClass, str] | None:
    verb = _leading(clause, "large")
    return ("large", f"{_reason('large')} (“{verb}”)") if verb else None


def _high_stakes(clause: tuple[str, ...]) -> tuple[ModelClass, str] | None:
    row = table("models")["high_stakes"]
    verb = _first(clause, row["judging"])
    subject = _first(clause, row["subjects"])
    if verb and subject and verb != subject:
        return "large", f"{row['reason']} (“{verb} … {subject}”)"
    return None


def _leading(clause: tuple[str, ...], name: str) -> str | None:
    """The clause's verb if the class lists it. Duties begin with their verb ("check …", "it checks …")."""
    return _first(clause[:2], table("models")[name]["verbs"])


def _first(words: Sequence[str], listed: Sequence[str]) -> str | None:
    by_stem = {stem(word): word for word in reversed(listed)}
    return next((by_stem[word] for word in plain(words) if word in by_stem), None)


def _reason(name: str) -> str:
    reason: str = table("models")[name]["reason"]
    return reason


def _class(name: str) -> ModelClass:
    return "small" if name == "small" else "medium"
