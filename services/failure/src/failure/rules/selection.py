"""Which modes to rehearse on a network: the worst ones, spread over kinds of target and of effect."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from common.contracts.failures import FailureMode, FailurePlan, Likelihood
from common.contracts.network import Network
from common.contracts.scenario import Interpretation
from common.errors import DomainError
from failure.rules import agents, services, ways
from failure.rules.catalogue import Entry, entries
from failure.rules.mitigations import mitigations_for
from failure.rules.risk import assess
from failure.rules.strike import Place, Strike
from failure.rules.view import View

MIN_MODES, MAX_MODES = 6, 12
_PARTS_PER_MODE = 4  # one more mode for every four agents or tools
_LEFT_OUT_SHOWN = 12
_WORTH_A_PLACE = 60
"""A kind of harm whose worst mode stays below this is not rehearsed for completeness' sake (assumed)."""

PLACES: dict[str, Place] = agents.PLACES | ways.PLACES | services.PLACES

_EVERYWHERE = frozenset({"busiest_agent", "last_agent", "main_class", "tool_calling_class"})
"""Places that nearly every network has; what strikes there says little about this one."""

_FELT_AS: dict[str, str] = {
    "silent_error": "wrong",
    "degrade": "wrong",
    "compromise": "attacked",
    "error": "failing",
    "outage": "failing",
    "drop": "failing",
    "delay": "slow",
    "stall": "slow",
    "loop": "repeated",
    "duplicate": "repeated",
}
"""What a customer would notice; each is rehearsed where it can happen."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mode at one place of this network."""

    mode: FailureMode
    is_general: bool
    is_always: bool = False
    fit: float = 1.0

    @property
    def kind(self) -> str:
        return self.mode.targets[0].kind

    @property
    def rank(self) -> tuple[int, int, str]:
        """Worst first; the id breaks ties."""
        return (-self.mode.risk_priority, -self.mode.severity, self.mode.id)

    @property
    def urgency(self) -> float:
        """What the choice goes by: the risk, weighed by how much it is this network's own problem."""
        return self.mode.risk_priority * self.fit


def _likelihood(entry: Entry, strike: Strike) -> Likelihood:
    if strike.rate:
        rate, source = strike.rate
        return Likelihood(
            value=rate,
            basis="per_call",
            simulated_per_opportunity=rate,
            source=source,
            is_assumed="assumed" in source,
        )
    return Likelihood(
        value=entry.likelihood.value,
        basis=entry.likelihood.basis,
        simulated_per_opportunity=entry.likelihood.simulated,
        source=entry.likelihood.source,
        is_assumed=entry.likelihood.is_assumed,
    )


def _sentence(template: str, facts: dict[str, str]) -> str:
    text = template.format(**facts)
    return text[0].upper() + text[1:]


def tie(entry: Entry, strike: Strike, view: View) -> FailureMode:
    """The catalogued mode as it can strike here."""
    risk = assess(entry, strike, view)
    more = f"+{len(strike.targets) - 1}" if len(strike.targets) > 1 else ""
    place = f"{strike.targets[0].ref}{more}"
    return FailureMode(
        id=f"{entry.id}@{place}",
        mode_id=entry.id,
        name=entry.name,
        description=entry.description,
        taxonomy=entry.taxonomy,
        targets=strike.targets,
        effect=entry.effect,
        likelihood=_likelihood(entry, strike),
        severity=risk.severity,
        occurrence=risk.occurrence,
        detection=risk.detection,
        risk_priority=risk.priority,
        trigger=entry.trigger,
        detection_signal=entry.signal,
        reason=_sentence(entry.reason, strike.facts),
        mitigations=mitigations_for(entry, strike, view),
        parameters=entry.parameters | strike.parameters | {"detect_share": entry.noticed},
        source=entry.source,
    )


def candidates(network: Network, interpretation: Interpretation) -> list[Candidate]:
    """Every mode at every place it can strike, most urgent first; each id once."""
    view = View(network, interpretation)
    found: dict[str, tuple[float, Candidate]] = {}
    for entry in entries():
        for strike in PLACES[entry.strikes].find(view):
            mode = tie(entry, strike, view)
            known = found.get(mode.id)
            if known is None or known[0] < strike.weight:
                found[mode.id] = (
                    strike.weight,
                    _candidate(entry, mode, strike),
                )
    # Of equal urgency, the place where the mode has most to act on comes first.
    ranked = sorted(found.values(), key=lambda p: (-p[1].urgency, -p[0], p[1].mode.id))
    return [candidate for _, candidate in ranked]


def _candidate(entry: Entry, mode: FailureMode, strike: Strike) -> Candidate:
    return Candidate(mode, entry.strikes in _EVERYWHERE, entry.always, strike.fit)


def plan(
    network: Network, interpretation: Interpretation, wanted: Sequence[str] | None = None
) -> FailurePlan:
    """The modes to inject, worst first.

    `wanted` holds mode ids or ids of this network's modes; null lets the rules choose, an empty list injects none.

    Raises:
        DomainError: a wanted id is in no catalogue.
    """
    found = candidates(network, interpretation)
    if wanted is None:
        chosen = _choose(found, _how_many(network))
        return _plan(chosen, len(found), _passed_over(chosen, found))
    chosen, missing = _pick(found, wanted)
    return _plan(chosen, len(found), missing)


def _plan(chosen: Iterable[Candidate], considered: int, left_out: Iterable[str]) -> FailurePlan:
    modes = tuple(c.mode for c in sorted(chosen, key=lambda c: c.rank))
    return FailurePlan(modes=modes, considered=considered, left_out=tuple(left_out))


def _how_many(network: Network) -> int:
    parts = len(network.agents) + len(network.tools)
    return min(MAX_MODES, MIN_MODES + parts // _PARTS_PER_MODE)


@dataclass(slots=True)
class _Choice:
    """Fills up to `limit`, never one mode twice, never one place or one effect too often."""

    limit: int
    chosen: list[Candidate]

    def _counts(self, key: Callable[[Candidate], str]) -> Counter[str]:
        return Counter(key(c) for c in self.chosen)

    def fits(self, c: Candidate, *, strict: bool) -> bool:
        if len(self.chosen) >= self.limit or c.mode.mode_id in self._counts(
            lambda x: x.mode.mode_id
        ):
            return False
        if not strict:
            return True
        place = self._counts(lambda x: x.mode.targets[0].ref)[c.mode.targets[0].ref]
        general = sum(x.is_general for x in self.chosen)
        return (
            place < 2
            and self._counts(lambda x: x.mode.effect)[c.mode.effect] < max(2, self.limit // 3)
            and self._counts(lambda x: x.kind)[c.kind] < max(2, self.limit // 2)
            and not (c.is_general and general >= self.limit // 3)
        )

    def take(self, found: Iterable[Candidate], *, strict: bool = True) -> None:
        for candidate in found:
            if self.fits(candidate, strict=strict):
                self.chosen.append(candidate)

    def take_first(self, found: Sequence[Candidate], key: Callable[[Candidate], str]) -> None:
        """The worst that fits of each key not yet there; keys in the order of their worst."""
        for value in dict.fromkeys(key(c) for c in found):
            if value not in self._counts(key):
                of_key = [c for c in found if key(c) == value]
                fitting = [c for c in of_key if self.fits(c, strict=True)]
                fitting = fitting or [c for c in of_key if self.fits(c, strict=False)]
                self.chosen += fitting[:1]


def _choose(found: Sequence[Candidate], limit: int) -> list[Candidate]:
    choice = _Choice(limit, [])
    choice.take(c for c in found if c.is_always)
    choice.take_first(found, lambda c: c.kind)
    grave = [c for c in found if c.urgency >= _WORTH_A_PLACE]
    choice.take_first(grave, lambda c: _FELT_AS[c.mode.effect])
    choice.take([c for c in found if not c.is_general])
    choice.take(found)
    if len(choice.chosen) < MIN_MODES:
        choice.take(found, strict=False)
    return choice.chosen


def _passed_over(chosen: Sequence[Candidate], found: Sequence[Candidate]) -> list[str]:
    """What a reader may miss: other modes that were considered, then what cannot strike here."""
    taken = {c.mode.mode_id for c in chosen}
    lines: dict[str, str] = {}
    for candidate in found:
        mode = candidate.mode
        if mode.mode_id not in taken and mode.mode_id not in lines:
            lines[mode.mode_id] = (
                f"{mode.mode_id} {mode.name} at {mode.targets[0].ref}: "
                f"risk priority {mode.risk_priority}, below the ones chosen or of a kind already there"
            )
    possible = {c.mode.mode_id for c in found}
    absent = [_cannot(entry) for entry in entries() if entry.id not in possible]
    return [*list(lines.values())[:_LEFT_OUT_SHOWN], *absent]


def _cannot(entry: Entry) -> str:
    return (
        f"{entry.id} {entry.name}: cannot strike, the network lacks {PLACES[entry.strikes].needs}"
    )


def _pick(found: Sequence[Candidate], wanted: Sequence[str]) -> tuple[list[Candidate], list[str]]:
    """The wanted modes; a catalogued one that cannot strike this network is left out and said so."""
    by_id = {c.mode.id.casefold(): c for c in reversed(found)}
    by_mode = {c.mode.mode_id.casefold(): c for c in reversed(found)}
    known = {entry.id.casefold(): entry for entry in entries()}
    chosen: dict[str, Candidate] = {}
    missing: list[str] = []
    for name in wanted:
        key = name.strip().casefold()
        candidate = by_id.get(key) or by_mode.get(key)
        entry = known.get(key.partition("@")[0])
        if candidate is not None:
            chosen[candidate.mode.id] = candidate
        elif entry is None:
            raise DomainError(
                f"Unknown failure mode “{name[:80]}”. Known: {', '.join(e.id for e in entries())}."
            )
        else:
            missing.append(
                _cannot(entry) if "@" not in key else f"{name}: no such place in the network"
            )
    return list(chosen.values()), missing
