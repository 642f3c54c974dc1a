"""Hypotheses proposed from outside: how a chosen mode would show in this network, and which other modes to try.

Modes come from the catalogue only. Likelihoods, severities and effects are the catalogue's and the rules'; a proposal
says when it happens, how one would see it and why it matters here, and adds at most `MOST_MORE` modes.
"""

from pydantic import Field

from common.contracts.failures import FailureMode, FailurePlan
from common.contracts.network import Network
from common.contracts.scenario import Interpretation
from common.contracts.values import Value
from common.llm.asking import strange_numbers
from failure.rules.catalogue import entries
from failure.rules.selection import plan

MOST_MORE = 3
_LONGEST = 400


class ProposedHypothesis(Value):
    """`id` is a chosen mode's; the texts say what it means here."""

    id: str
    trigger: str = Field(max_length=_LONGEST)
    detection_signal: str = Field(max_length=_LONGEST)
    reason: str = Field(max_length=_LONGEST)


class ProposedFailures(Value):
    """`more` are ids of catalogued modes that were not chosen."""

    hypotheses: tuple[ProposedHypothesis, ...]
    more: tuple[str, ...] = Field(max_length=MOST_MORE)


def others(by_rules: FailurePlan) -> tuple[str, ...]:
    """Catalogued modes that were not chosen, as `id name`."""
    chosen = {mode.mode_id for mode in by_rules.modes}
    return tuple(f"{entry.id} {entry.name}" for entry in entries() if entry.id not in chosen)


def problems(scenario: str, by_rules: FailurePlan, proposal: ProposedFailures) -> tuple[str, ...]:
    """Why the proposal cannot be taken; empty if it can."""
    if not proposal.hypotheses and not proposal.more:
        return ("hypotheses: word each chosen mode for this network",)
    modes = {mode.id: mode for mode in by_rules.modes}
    known = {entry.id for entry in entries()}
    found = [
        f"more: {name!r} is not in the catalogue" for name in proposal.more if name not in known
    ]
    for said in proposal.hypotheses:
        mode = modes.get(said.id)
        if mode is None:
            found.append(f"hypotheses: {said.id!r} is not a chosen mode")
            continue
        told = f"{said.trigger} {said.detection_signal} {said.reason}"
        given = f"{scenario} {mode.name} {mode.description} {mode.trigger} {mode.detection_signal} {mode.reason}"
        if strange := strange_numbers(told, given):
            found.append(f"{said.id}: leave out the figures {', '.join(strange)}")
    return tuple(found)


def hypothesised(
    network: Network,
    interpretation: Interpretation,
    by_rules: FailurePlan,
    proposal: ProposedFailures,
) -> FailurePlan:
    """The rules' plan in the proposal's words, with the modes it adds where they can strike; worst first."""
    extended = by_rules
    if proposal.more:
        wanted = (*(mode.id for mode in by_rules.modes), *proposal.more)
        extended = plan(network, interpretation, wanted).model_copy(
            update={"left_out": by_rules.left_out}
        )
    said = {hypothesis.id: hypothesis for hypothesis in proposal.hypotheses}
    modes = tuple(_reworded(mode, said.get(mode.id)) for mode in extended.modes)
    return extended.model_copy(update={"modes": modes})


def _reworded(mode: FailureMode, said: ProposedHypothesis | None) -> FailureMode:
    if said is None:
        return mode
    return mode.model_copy(
        update={
            "trigger": said.trigger.strip() or mode.trigger,
            "detection_signal": said.detection_signal.strip() or mode.detection_signal,
            "reason": said.reason.strip() or mode.reason,
        }
    )
