"""Arrivals, queues and service on SimPy's event queue; where the work goes next is `engine.walk`'s matter.

One SimPy event per visit, as callbacks and not as processes: a process costs several events and a generator switch per
visit, and one request needs hundreds of thousands of visits. What a visit takes comes from `engine.service`.
"""

from collections.abc import Callable

import simpy
from simpy.events import Event, Timeout

from engine.graph import Edge, Graph, Node
from engine.service import CALM, Regime, Table
from engine.state import Frame, Note, Server, Setting, Task, Visit

TableOf = Callable[[int, int, int, Regime], Table]
"""(node, phase, visit number, regime) → table."""

MAX_VISITS = 5_000
"""A task that needs more visits is ended as failed: a walk must end, and no sound network comes near."""


class Serving:
    """One replication up to the end of each visit. `log` holds every service per node, in order of its start."""

    def __init__(self, graph: Graph, table_of: TableOf, setting: Setting) -> None:
        self.env = simpy.Environment()
        self.graph = graph
        self.nodes = graph.nodes
        self.table_of = table_of
        self.setting = setting
        self.is_plain = setting.is_plain
        self.is_traced = setting.traced >= 0
        self.calm: list[list[Table]] = [[] for _ in range(2 * len(graph.nodes))]
        self.servers = [
            Server(setting.capacities.get(n.index, n.capacity), setting.queue_limits.get(n.index))
            for n in graph.nodes
        ]
        self.tasks: list[Task] = []
        self.log: list[list[Visit]] = [[] for _ in graph.nodes]
        self.rejections: list[tuple[int, int, float]] = []
        """(task, deciding node, time in s)."""
        self.refused = [0] * len(graph.nodes)
        self.notes: list[Note] = []
        self.in_system = 0
        self.area = 0.0
        self.changed_s = 0.0
        self.in_degrees = [node.in_degree for node in graph.nodes]

    def run(self) -> list[Task]:
        """Let every task arrive and leave; the tasks in order of arrival. It drains, so none is censored."""
        arrivals = self.setting.arrivals_s
        if self.setting.closed_loop:
            for _ in range(min(self.setting.closed_loop, len(arrivals))):
                self.arrive(None)
        elif arrivals:
            self.after(arrivals[0], None, self.arrive)
        self.env.run()
        return self.tasks

    # what `engine.walk` decides

    def route(self, visit: Visit) -> None:
        """The visit has ended well: the work goes on."""
        raise NotImplementedError

    def fail(self, visit: Visit) -> None:
        """The visit has failed visibly."""
        raise NotImplementedError

    def close(self, task: Task, frame: Frame) -> None:
        """One piece of work of the frame is over."""
        raise NotImplementedError

    # arrivals and departures

    def after(self, delay_s: float, value: object, callback: Callable[[Event], None]) -> None:
        event = Timeout(self.env, delay_s, value)
        event.callbacks.append(callback)

    def arrive(self, _: Event | None) -> None:
        i, now, n = len(self.tasks), self.env.now, len(self.nodes)
        task = Task(
            self.setting.first_index + i,
            now,
            self.in_degrees[:],
            [0] * n,
            [0] * n,
            [False] * n,
            [0] * (2 * n),
            Frame(live=1),
        )
        self.tasks.append(task)
        self._count(1)
        arrivals = self.setting.arrivals_s
        if not self.setting.closed_loop and i + 1 < len(arrivals):
            self.after(arrivals[i + 1] - now, None, self.arrive)
        for node in self.graph.entry:
            self.enter(task, self.nodes[node], task.frame, False, None)
        self.close(task, task.frame)

    def _count(self, change: int) -> None:
        now = self.env.now
        self.area += self.in_system * (now - self.changed_s)
        self.changed_s = now
        self.in_system += change

    def leave(self, task: Task) -> None:
        task.left_s = self.env.now
        if task.delivered_s < 0:
            task.delivered_s = task.left_s
        self._count(-1)
        if self.setting.closed_loop and len(self.tasks) < len(self.setting.arrivals_s):
            self.arrive(None)

    # a visit: ask, wait, be served

    def enter(
        self,
        task: Task,
        node: Node,
        frame: Frame,
        is_wrong: bool,
        edge: Edge | None,
        *,
        round_: int = 1,
        tries: int = 0,
    ) -> None:
        """Begin a visit; the frame has one more piece of work until it is routed, fails or waits for calls."""
        index = node.index
        number = task.visits[2 * index]
        task.visits[2 * index] = number + 1
        visit = Visit(task, node, 0, frame, is_wrong, self.env.now, edge, round_, tries, number)
        frame.live += 1
        task.total_visits += 1
        if task.total_visits > MAX_VISITS:
            self.fail(visit)
            return
        if edge is not None and edge.timeout_s is not None:
            self.after(edge.timeout_s, visit, self._give_up)
        task.entered_wrong[index] = is_wrong
        if node.is_human:
            response = self.table_of(index, 0, number, CALM).response_s
            if response is not None:
                self.after(response[task.index], visit, self._responded)
                return
        self.ask(visit)

    def merge(self, asked: Visit, is_wrong: bool) -> None:
        """The second half of a visit whose calls have all been answered."""
        task, node, key = asked.task, asked.node, 2 * asked.node.index + 1
        visit = Visit(task, node, 1, asked.frame, is_wrong, self.env.now, None, asked.round)
        visit.number = task.visits[key]
        task.visits[key] += 1
        self.ask(visit)

    def _responded(self, event: Event) -> None:
        visit: Visit = event._value
        if not visit.is_over:
            visit.asked_s = self.env.now
            self.ask(visit)

    def ask(self, visit: Visit) -> None:
        server = self.servers[visit.node.index]
        if server.busy < server.capacity:
            server.busy += 1
            self._start(visit)
        elif server.limit is not None and len(server.queue) >= server.limit:
            self.refused[visit.node.index] += 1
            visit.is_over = True
            self.fail(visit)
        else:
            server.queue.append(visit)

    def _start(self, visit: Visit) -> None:
        node, index = visit.node, visit.task.index
        visit.started_s = now = self.env.now
        if self.is_plain:
            calm = self.calm[2 * node.index + visit.phase]
            number = visit.number
            table = calm[number] if number < len(calm) else self._calm(node.index, visit)
            length = table.duration_s[index]
        else:
            table = self.table_of(node.index, visit.phase, visit.number, self._regime(node, now))
            length = table.duration_s[index] + self._held_up(node, table, index, now)
        visit.table = table
        visit.ended_s = now + length
        self.log[node.index].append(visit)
        event = Timeout(self.env, length, visit)
        event.callbacks.append(self._finish)

    def _calm(self, node: int, visit: Visit) -> Table:
        """Keep the calm tables up to this visit's at hand: the look-up is the innermost one of a run."""
        calm = self.calm[2 * node + visit.phase]
        while len(calm) <= visit.number:
            calm.append(self.table_of(node, visit.phase, len(calm), CALM))
        return calm[visit.number]

    def _regime(self, node: Node, now: float) -> Regime:
        incidents = tuple(
            strike
            for strike, nodes, start, end in self.setting.windows
            if node.index in nodes and start <= now < end
        )
        breaker = self.setting.breakers.get(node.index)
        is_open = breaker is not None and breaker.is_open(now)
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
        node, index, table = visit.node, visit.task.index, visit.served
        server = self.servers[node.index]
        if server.queue:
            self._next(server)
        else:
            server.busy -= 1
        if not self.is_plain and node.index in self.setting.breakers:
            breaker = self.setting.breakers[node.index]
            breaker.record(self.env.now, table.calls[index], table.errors[index])
        if visit.is_abandoned:
            return
        if table.linger_s is not None and table.linger_s[index] > 0:
            self.after(table.linger_s[index], visit, self._lingered)
        else:
            self._end(visit, table, index)

    def _lingered(self, event: Event) -> None:
        visit: Visit = event._value
        if not visit.is_abandoned:
            self._end(visit, visit.served, visit.task.index)

    def _end(self, visit: Visit, table: Table, index: int) -> None:
        visit.is_over = True
        if table.is_wrong[index]:
            visit.is_wrong = True
        if table.fails[index] or (
            self.setting.budget_usd is not None and self._is_over_budget(visit)
        ):
            self.fail(visit)
        else:
            self.route(visit)

    def _is_over_budget(self, visit: Visit) -> bool:
        visit.task.spent_usd += visit.served.cost_usd[visit.task.index]
        return visit.task.spent_usd > (self.setting.budget_usd or 0.0)

    def _next(self, server: Server) -> None:
        while server.queue:
            visit = server.queue.popleft()
            if not visit.is_over:
                self._start(visit)
                return
        server.busy -= 1

    def _give_up(self, event: Event) -> None:
        """The sender's time limit has passed: ask again if it may, else the work is lost."""
        visit: Visit = event._value
        edge, task = visit.edge, visit.task
        if visit.is_over or edge is None:
            return
        visit.is_over = visit.is_abandoned = True
        if visit.tries < edge.retries:
            came_wrong = task.entered_wrong[visit.node.index]
            self.enter(task, visit.node, visit.frame, came_wrong, edge, tries=visit.tries + 1)
            self.close(task, visit.frame)
        else:
            self.fail(visit)

    def note(self, what: str, task: Task, where: int, visit: Visit | None, is_wrong: bool) -> None:
        if task.index == self.setting.traced:
            self.notes.append(Note(what, self.env.now, where, visit, is_wrong))
