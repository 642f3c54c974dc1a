"""Each pattern wired as its semantics say: who asks whom, who hands on, where branches part and meet."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from common.contracts.network import Connection, ConnectionKind, Pattern
from planner.rules.graph import Draft, payload
from planner.rules.roles import Role

ROUNDS = 3
"""Rounds of rework when the text names none (assumed)."""
HANDOFF_RETURNS = 2
"""How often one conversation may go back to the first desk (assumed; bounces are a known failure)."""

type Ids = dict[int, str]


def wire(
    pattern: Pattern, draft: Draft, roles: Sequence[Role], ids: Sequence[str], rounds: int
) -> None:
    """Add the edges, entry and exit of `pattern` to the draft; `ids[i]` is the agent of `roles[i]`."""
    _Wiring(draft, list(roles), list(ids), rounds).run(pattern)


class _Wiring:
    """One wiring: roles by index, `ids[i]` the agent of `roles[i]`."""

    def __init__(self, draft: Draft, roles: list[Role], ids: list[str], rounds: int) -> None:
        self.draft, self.roles, self.ids, self.rounds = draft, roles, ids, rounds
        self.all = list(range(len(roles)))

    def run(self, pattern: Pattern) -> None:
        ways: dict[str, Callable[[], None]] = {
            "router": self.router,
            "handoff": self.handoff,
            "supervisor": self.supervisor,
            "hierarchical": self.hierarchical,
            "parallel": self.parallel,
            "evaluator_loop": self.evaluator_loop,
            "group_chat": self.group_chat,
            "blackboard": self.blackboard,
        }
        ways.get(pattern, self.sequential)()

    def edge(
        self,
        source: int,
        target: int,
        kind: ConnectionKind = "handoff",
        *,
        label: str = "",
        share: float | None = None,
        when: str | None = None,
        rounds: int | None = None,
    ) -> None:
        role = self.roles[source]
        things = [name for step in role.steps for name in (*step.data_in, *step.data_out)]
        stage = "lead" if kind == "call" else role.stage
        carried = payload(stage, dict.fromkeys(things))
        self.draft.connect(
            Connection(
                source=self.ids[source],
                target=self.ids[target],
                kind=kind,
                label=label or carried.name,
                payload=carried,
                share=share,
                when=when,
                max_iterations=rounds,
            )
        )

    def ends(self, entry: Sequence[int], exits: Sequence[int]) -> None:
        self.draft.entry = [self.ids[i] for i in entry]
        self.draft.exit = [self.ids[i] for i in exits]

    def sequential(self) -> None:
        """A chain; neighbours that gather from different sources stand side by side."""
        levels = _levels(self.roles)
        for before, after in pairwise(levels):
            for source in before:
                for target in after:
                    self.edge(source, target)
        self.ends(levels[0], levels[-1])

    def parallel(self) -> None:
        """All but the last work at the same time on the same task; the last waits for all of them."""
        *workers, last = self.all
        for worker in workers:
            self.edge(worker, last, "publish")
        self.ends(workers, [last])

    def router(self) -> None:
        self._branches("handoff", None)

    def handoff(self) -> None:
        self._branches("handoff", HANDOFF_RETURNS)

    def _branches(self, kind: ConnectionKind, returns: int | None) -> None:
        """The first sends each task to one of the others; a closing role at the end sees every task."""
        first, *others = self.all
        closing = others.pop() if len(others) > 2 and _closes(self.roles[others[-1]]) else None
        shares = even_shares(len(others))
        for target, share in zip(others, shares, strict=True):
            self.edge(first, target, kind, share=share, when=_case_of(self.roles[target]))
            if closing is not None:
                self.edge(target, closing, "handoff")
            if returns is not None:
                self.edge(target, first, "handoff", label="topic changed", rounds=returns)
        if closing is not None:
            self.draft.update(self.ids[closing], join="any")
        self.ends([first], others if closing is None else [closing])
        self.draft.assumptions.append(
            ("Every kind of case is equally frequent.", "The text names no shares.")
        )

    def supervisor(self) -> None:
        lead, *workers = self.all
        for worker in workers:
            self.edge(lead, worker, "call")
        self.ends([lead], [lead])

    def hierarchical(self) -> None:
        """The first leads the leads; each lead asks the workers that follow it."""
        top, *rest = self.all
        lead: int | None = None
        for i in rest:
            if self.roles[i].is_lead:
                lead = i
                self.edge(top, i, "call")
            else:
                self.edge(top if lead is None else lead, i, "call")
        self.ends([top], [top])

    def evaluator_loop(self) -> None:
        """A chain whose verifier sends work back; `rounds` bounds it."""
        verifier = next(
            (i for i in reversed(self.all[1:]) if self.roles[i].stage == "quality"), self.all[-1]
        )
        for source, target in pairwise(self.all):
            self.edge(source, target, "verify" if target == verifier else "handoff")
        self.edge(verifier, verifier - 1, label="remarks", rounds=self.rounds)
        self.draft.update(self.ids[verifier], is_verifier=True)
        self.ends([0], [self.all[-1]])

    def group_chat(self) -> None:
        """A moderator asks all voices in one conversation; whoever is to conclude or to moderate is it."""
        moderator = _moderator(self.roles)
        for voice in self.all:
            if voice != moderator:
                self.edge(moderator, voice, "call", label="contribution to the discussion")
        self.ends([moderator], [moderator])
        self.draft.notes.append(
            f"The moderator closes the discussion after at most {self.rounds} rounds."
        )

    def blackboard(self) -> None:
        """All write to a shared store and publish; the last draws the picture."""
        *writers, reader = self.all
        for writer in writers:
            self.edge(writer, reader, "publish", label="update of the shared picture")
        for i in self.all:
            agent = self.draft.agents[self.ids[i]]
            self.draft.update(
                agent.id, capabilities=tuple(dict.fromkeys([*agent.capabilities, "shared_memory"]))
            )
        self.draft.update(self.ids[reader], join="any")
        self.ends(writers, [reader])


def even_shares(count: int) -> list[float]:
    """Equal shares of two decimals that sum to 1 exactly."""
    hundredths = [100 // count + (1 if i < 100 % count else 0) for i in range(count)]
    return [part / 100 for part in hundredths]


def _levels(roles: Sequence[Role]) -> list[list[int]]:
    levels: list[list[int]] = []
    for i, role in enumerate(roles):
        before = levels[-1] if levels else []
        mates = [roles[j] for j in before]
        if mates and all(_side_by_side(mate, role) for mate in mates) and len(before) < 4:
            before.append(i)
        else:
            levels.append([i])
    return levels


def _side_by_side(one: Role, other: Role) -> bool:
    """Both gather, and neither says that it builds on the other; or the text puts both in one parallel group."""
    groups = {step.parallel_group for step in one.steps} & {
        step.parallel_group for step in other.steps
    }
    if groups - {None}:
        return True
    return one.verb == other.verb == "research"


def _closes(role: Role) -> bool:
    return (
        role.stage in {"produce", "quality"}
        and role.verb in {"summarize", "compile", "report", "verify"}
    ) or role.title == "Follow-Up Agent"


def _case_of(role: Role) -> str:
    """When a task goes to this role: the condition of its first step, else its duty."""
    condition = next((step.condition for step in role.steps if step.condition), None)
    return condition or f"the case is one for the {role.title}"


def _moderator(roles: Sequence[Role]) -> int:
    for verbs in ({"coordinate", "discuss"}, {"compile", "summarize", "decide"}):
        for i in reversed(range(len(roles))):
            if roles[i].verb in verbs or roles[i].is_lead:
                return i
    return len(roles) - 1
