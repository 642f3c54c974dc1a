"""The walk of tasks through a network, on SimPy's event queue: queues, branches, joins, loops, calls, decisions.

One SimPy event per visit, as callbacks and not as processes: a process costs several events and a generator switch
per visit, and a request needs hundreds of thousands of visits. What a visit takes comes from `engine.service`.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heapreplace

import simpy
from simpy.events import Event, Timeout

from engine.graph import Edge, Graph, Node
from engine.service import CALM, Regime, Table

TableOf = Callable[[int, int, int, Regime], Table]
"""(node, phase, visit number, regime) → table."""

OK, WRONG, FAILED, DECLINED, TIMED_OUT = range(5)
OUTCOMES = ("ok", "wrong", "failed", "declined", "timed_out")

MAX_VISITS = 40
"""A task that visits one agent more often is ended as failed (a walk must end; no sound network comes near)."""


@dataclass(slots=True, eq=False)
class Frame:
    """A scope of work: the task itself (`visit` null), or one call that its caller waits for."""

    visit: "Visit | None" = None
    live: int = 0
    is_wrong: bool = False
    is_lost: bool = False
    group: "Group | None" = None
    parked: list[tuple[int, bool]] = field(default_factory=list)
    is_closed: bool = False


@dataclass(slots=True, eq=False)
class Group:
    """The calls one visit waits for."""

    waiting: int
    wrong: int = 0
    lost: int = 0


@dataclass(slots=True, eq=False)
class Task:
    """`index` is its place in the tables. Per node: forward edges still open, arrived, and arrived wrong."""

    index: int
    arrived_s: float
    pending: list[int]
    come: list[int]
    wrong_in: list[int]
    entered_wrong: list[bool]
    visits: dict[int, int]
    frame: Frame
    loops: dict[int, int] | None = None
    delivered_s: float = -1.0
    left_s: float = -1.0
    is_wrong: bool = False
    is_failed: bool = False
    is_declined: bool = False
    failed_at: int = -1
    lost: set[int] | None = None
    spent_usd: float = 0.0


@dataclass(slots=True, eq=False)
class Visit:
    task: Task
    node: Node
    phase: int
    frame: Frame
    is_wrong: bool
    asked_s: float
    number: int = 0
    table: Table | None = None
    started_s: float = -1.0
    ended_s: float = -1.0
    edge: Edge | None = None
    tries: int = 0
    is_over: bool = False
    is_abandoned: bool = False
    round: int = 1


@dataclass(slots=True, eq=False)
class Server:
    """First come, first served."""

    capacity: int
    busy: int = 0
    queue: deque[Visit] = field(default_factory=deque)


@dataclass(slots=True, eq=False)
class Gate:
    """A provider's limit: calls per minute (evenly spaced), and calls at a time. Grants in order of asking."""

    spacing_s: float = 0.0
    next_s: float = 0.0
    free_s: list[float] = field(default_factory=list)

    def wait_s(self, now_s: float, calls: int, length_s: float) -> float:
        """How long a visit with `calls` calls and `length_s` seconds of model time waits; takes its place."""
        grant = max(now_s, self.next_s)
        if self.free_s:
            grant = max(grant, self.free_s[0])
            heapreplace(self.free_s, grant + length_s)
        self.next_s = grant + calls * self.spacing_s
        return grant - now_s


@dataclass(slots=True, eq=False)
class Breaker:
    """Opens after `failures` failed calls in a row, and lets the next one through after `reset_s`."""

    failures: int
    reset_s: float
    in_row: int = 0
    open_until_s: float = -1.0


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """What holds for one replication. Windows are (strike, agents, from, to), closures (person, from, to), in s."""

    arrivals_s: Sequence[float]
    first_index: int
    windows: tuple[tuple[int, frozenset[int], float, float], ...] = ()
    closures: tuple[tuple[int, float, float], ...] = ()
    patience_s: dict[int, float] = field(default_factory=dict)
    hours: dict[int, float] = field(default_factory=dict)
    gates: dict[int, tuple[Gate, ...]] = field(default_factory=dict)
    breakers: dict[int, Breaker] = field(default_factory=dict)
    budget_usd: float | None = None
    closed_loop: int | None = None
    accept: dict[int, tuple[float, float]] = field(default_factory=dict)
    absorbed_share: float = 0.0
    repeat_share: float = 0.5
    traced: int = -1


@dataclass(slots=True, eq=False)
class Trace:
    """What happened to the traced task, in order: (what, time, node or edge index, visit, extra)."""

    items: list[tuple[str, float, int, Visit | None, object]] = field(default_factory=list)


class Walk:
    """One replication. `run` returns the tasks in order of arrival; `log` holds every service per node."""

    def __init__(self, graph: Graph, table_of: TableOf, setting: Setting) -> None:
        self.env = simpy.Environment()
        self.graph = graph
        self.nodes = graph.nodes
        self.table_of = table_of
        self.setting = setting
        self.servers = [Server(node.capacity) for node in graph.nodes]
        self.tasks: list[Task] = []
        self.log: list[list[Visit]] = [[] for _ in graph.nodes]
        self.rejections: list[tuple[int, int, float]] = []
        self.trace = Trace()
        self.in_system = 0
        self.area = 0.0
        self.changed_s = 0.0
        self.in_degrees = [node.in_degree for node in graph.nodes]
        self.is_plain = not (
            setting.windows
            or setting.closures
            or setting.gates
            or setting.breakers
            or setting.hours
        )

    def run(self) -> list[Task]:
        arrivals = self.setting.arrivals_s
        if self.setting.closed_loop:
            for _ in range(min(self.setting.closed_loop, len(arrivals))):
                self._arrive(None)
        elif arrivals:
            self._after(arrivals[0], None, self._arrive)
        self.env.run()
        return self.tasks

    # arrivals and departures

    def _after(self, delay: float, value: object, callback: Callable[[Event], None]) -> None:
        event = Timeout(self.env, delay, value)
        event.callbacks.append(callback)

    def _arrive(self, _: Event | None) -> None:
        i = len(self.tasks)
        now = self.env.now
        n = len(self.nodes)
        task = Task(
            self.setting.first_index + i,
            now,
            self.in_degrees[:],
            [0] * n,
            [0] * n,
            [False] * n,
            {},
            Frame(),
        )
        self.tasks.append(task)
        self._count(1)
        if not self.setting.closed_loop and i + 1 < len(self.setting.arrivals_s):
            self._after(self.setting.arrivals_s[i + 1] - now, None, self._arrive)
        task.frame.live += 1
        for node in self.graph.entry:
            self._enter(task, self.nodes[node], task.frame, False, None)
        self._close(task, task.frame)

    def _count(self, change: int) -> None:
        now = self.env.now
        self.area += self.in_system * (now - self.changed_s)
        self.changed_s = now
        self.in_system += change

    def _leave(self, task: Task) -> None:
        task.left_s = self.env.now
        if task.delivered_s < 0:
            task.delivered_s = task.left_s
        self._count(-1)
        if self.setting.closed_loop and len(self.tasks) < len(self.setting.arrivals_s):
            self._arrive(None)

    # a visit: ask, wait, serve

    def _enter(
        self,
        task: Task,
        node: Node,
        frame: Frame,
        is_wrong: bool,
        edge: Edge | None,
        *,
        phase: int = 0,
        round_: int = 1,
        tries: int = 0,
    ) -> None:
        visit = Visit(task, node, phase, frame, is_wrong, self.env.now, edge=edge)
        visit.round, visit.tries = round_, tries
        frame.live += 1
        key = node.index * 2 + phase
        visit.number = task.visits.get(key, 0)
        task.visits[key] = visit.number + 1
        if visit.number >= MAX_VISITS:
            self._fail(visit)
            return
        if edge is not None and edge.timeout_s is not None and phase == 0:
            self._after(edge.timeout_s, visit, self._give_up)
        if phase == 0:
            task.entered_wrong[node.index] = is_wrong
        if node.is_human:
            table = self.table_of(node.index, phase, visit.number, CALM)
            if table.response_s is not None:
                visit.table = table
                self._after(table.response_s[task.index], visit, self._ask_later)
                return
        self._ask(visit)

    def _ask_later(self, event: Event) -> None:
        visit: Visit = event._value
        if not visit.is_over:
            visit.asked_s = self.env.now
            self._ask(visit)

    def _ask(self, visit: Visit) -> None:
        server = self.servers[visit.node.index]
        if server.busy < server.capacity:
            server.busy += 1
            self._start(visit)
        else:
            server.queue.append(visit)

    def _start(self, visit: Visit) -> None:
        node = visit.node
        visit.started_s = now = self.env.now
        task = visit.task
        if self.is_plain:
            table = self.table_of(node.index, visit.phase, visit.number, CALM)
            length = table.duration_s[task.index]
        else:
            table = self.table_of(node.index, visit.phase, visit.number, self._regime(node, now))
            length = table.duration_s[task.index] + self._held_up(node, table, task.index, now)
        visit.table = table
        self.log[node.index].append(visit)
        visit.ended_s = now + length
        event = Timeout(self.env, length, visit)
        event.callbacks.append(self._finish)

    def _regime(self, node: Node, now: float) -> Regime:
        incidents = tuple(
            strike
            for strike, nodes, start, end in self.setting.windows
            if node.index in nodes and start <= now < end
        )
        breaker = self.setting.breakers.get(node.index)
        is_open = breaker is not None and now < breaker.open_until_s
        return Regime(incidents, is_open) if incidents or is_open else CALM

    def _held_up(self, node: Node, table: Table, index: int, now: float) -> float:
        """Seconds a visit waits with its server taken: nobody there, out of hours, at the provider's limit."""
        delay = 0.0
        for closed, start, end in self.setting.closures:
            if closed == node.index and start <= now < end:
                patience = self.setting.patience_s.get(node.index, end - now)
                delay = max(delay, min(end - now, patience))
        hours = self.setting.hours.get(node.index)
        if hours is not None:
            of_day = (now + delay) % 86_400.0
            if of_day > hours * 3_600.0:
                delay += 86_400.0 - of_day
        for gate in self.setting.gates.get(node.index, ()):
            if table.calls[index]:
                delay += gate.wait_s(now + delay, table.calls[index], table.model_s[index])
        return delay

    def _finish(self, event: Event) -> None:
        visit: Visit = event._value
        node = visit.node
        server = self.servers[node.index]
        self._next(server)
        if self.setting.breakers and node.index in self.setting.breakers:
            self._tell_breaker(self.setting.breakers[node.index], visit)
        if visit.is_abandoned:
            return
        visit.is_over = True
        task = visit.task
        table = visit.table
        assert table is not None
        index = task.index
        if table.is_wrong[index]:
            visit.is_wrong = True
        if self.setting.budget_usd is not None:
            task.spent_usd += table.cost_usd[index]
            if task.spent_usd > self.setting.budget_usd:
                self._fail(visit)
                return
        if table.fails[index]:
            self._fail(visit)
        elif visit.phase == 0 and (node.calls or node.call_choice):
            self._call(visit)
        else:
            self._go_on(visit)

    def _next(self, server: Server) -> None:
        while server.queue:
            visit = server.queue.popleft()
            if not visit.is_over:
                self._start(visit)
                return
        server.busy -= 1

    def _tell_breaker(self, breaker: Breaker, visit: Visit) -> None:
        table = visit.table
        assert table is not None
        index = visit.task.index
        calls, errors = table.calls[index], table.errors[index]
        if not calls:
            return
        breaker.in_row = breaker.in_row + errors if errors >= calls else 0
        if breaker.in_row >= breaker.failures:
            breaker.open_until_s = self.env.now + breaker.reset_s
            breaker.in_row = 0

    def _give_up(self, event: Event) -> None:
        """The sender's time limit has passed: ask again if it may, else the branch is lost."""
        visit: Visit = event._value
        if visit.is_over:
            return
        visit.is_over = visit.is_abandoned = True
        edge = visit.edge
        assert edge is not None
        if visit.tries < edge.retries:
            self._enter(
                visit.task,
                visit.node,
                visit.frame,
                visit.task.entered_wrong[visit.node.index],
                edge,
                tries=visit.tries + 1,
            )
            self._close(visit.task, visit.frame)
        else:
            self._fail(visit)

    # calls: ask others, wait, merge

    def _call(self, visit: Visit) -> None:
        node = visit.node
        edges = list(node.calls)
        if node.call_choice:
            assert visit.table is not None
            edges.append(_chosen(node.call_choice, visit.table.route[visit.task.index]))
        group = Group(len(edges))
        for edge in edges:
            frame = Frame(visit, group=group)
            frame.live += 1
            self._reset_after(visit.task, edge.target)
            self._note("send", visit.task, edge.index, visit, visit.is_wrong)
            self._enter(visit.task, self.nodes[edge.target], frame, visit.is_wrong, edge)
            self._close(visit.task, frame)

    def _reset_after(self, task: Task, start: int) -> None:
        """A repeated call walks again through what follows the one called."""
        if task.visits.get(start * 2, 0) == 0:
            return
        for edge in self.nodes[start].all_forward:
            if task.come[edge.target] >= self.in_degrees[edge.target] == 1:
                task.pending[edge.target], task.come[edge.target] = 1, 0
                self._reset_after(task, edge.target)

    def _answer(self, frame: Frame) -> None:
        visit, group = frame.visit, frame.group
        assert visit is not None
        assert group is not None
        group.waiting -= 1
        group.wrong += frame.is_wrong
        group.lost += frame.is_lost
        self._note("answer", visit.task, visit.node.index, visit, frame.is_wrong)
        if group.waiting:
            return
        if group.lost:
            self._fail(visit)
            return
        merged = Visit(visit.task, visit.node, 1, visit.frame, visit.is_wrong, self.env.now)
        key = visit.node.index * 2 + 1
        merged.number = visit.task.visits.get(key, 0)
        visit.task.visits[key] = merged.number + 1
        merged.round = visit.round
        if group.wrong and not visit.is_wrong:
            table = self.table_of(visit.node.index, 1, merged.number, CALM)
            if table.decide[visit.task.index] >= self.setting.absorbed_share**group.wrong:
                merged.is_wrong = True
        self._ask(merged)

    # where the work goes next

    def _go_on(self, visit: Visit) -> None:
        node, task = visit.node, visit.task
        if node.decides and not self._accepts(visit):
            self._reject(visit)
            return
        if not node.decides and node.back and self._repeats(visit):
            return
        if visit.phase == 1 and visit.round < node.rounds and self._goes_round(visit):
            return
        self._note("done", task, node.index, visit, visit.is_wrong)
        if node.is_exit:
            task.delivered_s = self.env.now
            task.is_wrong |= visit.is_wrong
        frame = visit.frame
        if visit.is_wrong and frame.visit is not None:
            frame.is_wrong = True
        for edge in node.forward:
            self._send(task, edge, frame, visit.is_wrong, visit)
        if node.choice:
            assert visit.table is not None
            taken = _chosen(node.choice, visit.table.route[task.index])
            for _, edge in node.choice:
                if edge is taken:
                    self._send(task, edge, frame, visit.is_wrong, visit)
                else:
                    self._skip(task, edge, frame)
        self._close(task, frame)

    def _accepts(self, visit: Visit) -> bool:
        right, wrong = self.setting.accept[visit.node.index]
        assert visit.table is not None
        return visit.table.decide[visit.task.index] < (wrong if visit.is_wrong else right)

    def _reject(self, visit: Visit) -> None:
        """Back for rework while it may; else a person's no ends the branch, and a verifier lets it go on flagged."""
        task, node = visit.task, visit.node
        self.rejections.append((task.index, node.index, self.env.now))
        self._note("reject", task, node.index, visit, visit.is_wrong)
        if any(self._go_back(visit, edge) for edge in node.back):
            return
        if not node.is_human:
            self._pass_flagged(visit)
            return
        task.is_declined = True
        task.delivered_s = self.env.now
        for edge in node.all_forward:
            self._skip(task, edge, visit.frame)
        self._close(task, visit.frame)

    def _pass_flagged(self, visit: Visit) -> None:
        node, task = visit.node, visit.task
        self._note("done", task, node.index, visit, visit.is_wrong)
        if node.is_exit:
            task.delivered_s = self.env.now
            task.is_wrong |= visit.is_wrong
        if visit.is_wrong and visit.frame.visit is not None:
            visit.frame.is_wrong = True
        assert visit.table is not None
        taken = _chosen(node.choice, visit.table.route[task.index]) if node.choice else None
        for edge in node.all_forward:
            if edge in node.forward or edge is taken:
                self._send(task, edge, visit.frame, visit.is_wrong, visit)
            else:
                self._skip(task, edge, visit.frame)
        self._close(task, visit.frame)

    def _repeats(self, visit: Visit) -> bool:
        """A loop without a verifier: back by the edge's share; always, if back is the only way on."""
        only_way = not visit.node.forward and not visit.node.choice and not visit.node.is_exit
        assert visit.table is not None
        for edge in visit.node.back:
            share = edge.share if edge.share is not None else self.setting.repeat_share
            if (only_way or visit.table.decide[visit.task.index] < share) and self._go_back(
                visit, edge
            ):
                return True
        return False

    def _goes_round(self, visit: Visit) -> bool:
        """A moderator's next round of the same calls."""
        assert visit.table is not None
        if visit.table.decide[visit.task.index] >= self.setting.repeat_share:
            return False
        visit.round += 1
        visit.phase = 0
        self._enter(visit.task, visit.node, visit.frame, visit.is_wrong, None, round_=visit.round)
        self._close(visit.task, visit.frame)
        return True

    def _go_back(self, visit: Visit, edge: Edge) -> bool:
        task = visit.task
        loops = task.loops = task.loops if task.loops is not None else {}
        if loops.get(edge.index, 0) >= edge.max_iterations:
            return False
        loops[edge.index] = loops.get(edge.index, 0) + 1
        for node, inside in edge.body:
            task.pending[node], task.come[node], task.wrong_in[node] = inside, 0, 0
            if task.lost:
                task.lost.discard(node)
        self._note("send", task, edge.index, visit, visit.is_wrong)
        if self.nodes[edge.target].back_in > 1 and visit.frame.live > 1:
            visit.frame.parked.append((edge.target, visit.is_wrong))
        else:
            came_wrong = task.entered_wrong[edge.target]
            self._enter(task, self.nodes[edge.target], visit.frame, came_wrong, edge)
        self._close(task, visit.frame)
        return True

    def _send(
        self, task: Task, edge: Edge, frame: Frame, is_wrong: bool, visit: Visit | None
    ) -> None:
        target = edge.target
        self._note("send", task, edge.index, visit, is_wrong)
        task.pending[target] -= 1
        task.come[target] += 1
        task.wrong_in[target] += is_wrong
        node = self.nodes[target]
        if node.in_degree <= 1:
            self._enter(task, node, frame, is_wrong, edge)
        else:
            self._try_join(task, node, frame, edge)

    def _try_join(self, task: Task, node: Node, frame: Frame, edge: Edge | None) -> None:
        come, pending = task.come[node.index], task.pending[node.index]
        if node.waits_for_all:
            if pending > 0 or come == 0:
                return
            is_wrong = task.wrong_in[node.index] > 0
        else:
            if edge is None or come != node.need:
                return
            is_wrong = 2 * task.wrong_in[node.index] >= come + (come == 1)
        self._enter(task, node, frame, is_wrong, edge)

    def _skip(self, task: Task, edge: Edge, frame: Frame) -> None:
        """The edge is not taken by this task: a join must not wait for it."""
        node = self.nodes[edge.target]
        task.pending[node.index] -= 1
        if task.pending[node.index] > 0:
            return
        if node.waits_for_all and task.come[node.index]:
            self._try_join(task, node, frame, None)
        elif 0 < task.come[node.index] < node.need:
            self._enter(task, node, frame, task.wrong_in[node.index] > 0, None)
        elif task.come[node.index] == 0:
            for onward in node.all_forward:
                self._skip(task, onward, frame)

    # losses

    def _fail(self, visit: Visit) -> None:
        """A visible failure: the caller is told, or the branch is lost for whoever waits for it."""
        task, frame = visit.task, visit.frame
        if task.failed_at < 0:
            task.failed_at = visit.node.index
        self._note("fail", task, visit.node.index, visit, None)
        if frame.visit is not None:
            frame.is_lost = True
        else:
            self._lose(task, visit.node)
        self._close(task, frame)

    def _lose(self, task: Task, node: Node) -> None:
        lost = task.lost = task.lost if task.lost is not None else set()
        if node.index in lost:
            return
        lost.add(node.index)
        onward = node.all_forward
        if not onward or node.is_exit:
            task.is_failed = True
        for edge in onward:
            target = self.nodes[edge.target]
            task.pending[target.index] -= 1
            can_still = task.come[target.index] + max(task.pending[target.index], 0)
            if target.waits_for_all or can_still < target.need:
                self._lose(task, target)

    def _close(self, task: Task, frame: Frame) -> None:
        """One piece of work of the frame is over; when none is left the frame ends."""
        frame.live -= 1
        if frame.live > 0 or frame.is_closed:
            return
        if frame.parked:
            self._unpark(task, frame)
            return
        if frame.visit is not None:
            frame.is_closed = True
            self._answer(frame)
        elif not self._release_stuck(task):
            frame.is_closed = True
            self._leave(task)

    def _unpark(self, task: Task, frame: Frame) -> None:
        targets = sorted({target for target, _ in frame.parked})
        wrong = {target for target, is_wrong in frame.parked if is_wrong}
        frame.parked.clear()
        frame.live += 1
        for target in targets:
            self._enter(task, self.nodes[target], frame, target in wrong, None)
        self._close(task, frame)

    def _release_stuck(self, task: Task) -> bool:
        """Start a join that waits for an edge nobody will take any more; losses have been settled before."""
        for node in self.nodes:
            i = node.index
            waits = node.in_degree > 1 and task.come[i] > 0 and task.visits.get(i * 2, 0) == 0
            if waits and not (task.lost and i in task.lost):
                task.frame.live += 1
                self._enter(task, node, task.frame, task.wrong_in[i] > 0, None)
                self._close(task, task.frame)
                return True
        return False

    def _note(self, what: str, task: Task, where: int, visit: Visit | None, extra: object) -> None:
        if task.index == self.setting.traced:
            self.trace.items.append((what, self.env.now, where, visit, extra))


def _chosen(choice: list[tuple[float, Edge]], u: float) -> Edge:
    for below, edge in choice:
        if u < below:
            return edge
    return choice[-1][1]


def outcome_of(task: Task, deadline_s: float | None) -> int:
    """What became of a task; a person's no is a correct outcome and not a failure."""
    if task.is_failed:
        return FAILED
    if deadline_s is not None and task.delivered_s - task.arrived_s > deadline_s:
        return TIMED_OUT
    if task.is_declined:
        return DECLINED
    return WRONG if task.is_wrong else OK


def gate(rpm: float | None, concurrency: float | None) -> Gate | None:
    """The limit of a provider, if there is one."""
    if rpm is None and concurrency is None:
        return None
    free = [0.0] * int(concurrency) if concurrency else []
    heapify(free)
    return Gate(60.0 / rpm if rpm else 0.0, free_s=free)
