"""Where work goes next: branches, joins, loops, calls, decisions, losses (docs/model.md, "The walk")."""

from engine.graph import Edge, Node
from engine.service import CALM
from engine.serving import Serving
from engine.state import Frame, Group, Task, Visit


class Walk(Serving):
    """One replication of tasks through a network."""

    def route(self, visit: Visit) -> None:
        node = visit.node
        if visit.phase == 0 and (node.calls or node.call_choice):
            self._call(visit)
        elif node.decides and not self._accepts(visit):
            self._reject(visit)
        elif not node.may_repeat or not (self._repeats(visit) or self._goes_round(visit)):
            self._go_on(visit)

    # forward

    def _go_on(self, visit: Visit) -> None:
        node, task, frame = visit.node, visit.task, visit.frame
        if self.is_traced:
            self.note("done", task, node.index, visit, visit.is_wrong)
        if node.is_exit:
            task.delivered_s = self.env.now
            task.is_wrong |= visit.is_wrong
        if visit.is_wrong and frame.visit is not None:
            frame.is_wrong = True
        for edge in node.forward:
            self._send(task, edge, frame, visit)
        if node.choice:
            taken = _chosen(node.choice, visit.served.route[task.index])
            for _, edge in node.choice:
                if edge is taken:
                    self._send(task, edge, frame, visit)
                else:
                    self._skip(task, edge, frame)
        self.close(task, frame)

    def _send(self, task: Task, edge: Edge, frame: Frame, visit: Visit) -> None:
        target = edge.target
        if self.is_traced:
            self.note("send", task, edge.index, visit, visit.is_wrong)
        task.pending[target] -= 1
        task.come[target] += 1
        task.wrong_in[target] += visit.is_wrong
        node = self.nodes[target]
        if node.in_degree <= 1:
            self.enter(task, node, frame, visit.is_wrong, edge)
        else:
            self._try_join(task, node, frame, edge)

    def _try_join(self, task: Task, node: Node, frame: Frame, edge: Edge | None) -> None:
        """Start the join when enough has come: all open edges settled, or exactly `need` arrivals."""
        come = task.come[node.index]
        if node.waits_for_all:
            is_ready = come > 0 and task.pending[node.index] <= 0
            is_wrong = task.wrong_in[node.index] > 0
        else:
            is_ready = edge is not None and come == node.need
            # A tie counts as wrong: who merges cannot tell which half is right.
            is_wrong = 0 < come <= 2 * task.wrong_in[node.index]
        if is_ready:
            self.enter(task, node, frame, is_wrong, edge)

    def _skip(self, task: Task, edge: Edge, frame: Frame) -> None:
        """This task does not take the edge: a join must not wait for it."""
        node = self.nodes[edge.target]
        task.pending[node.index] -= 1
        if task.pending[node.index] > 0:
            return
        come = task.come[node.index]
        if node.waits_for_all and come:
            self._try_join(task, node, frame, None)
        elif 0 < come < node.need:
            self.enter(task, node, frame, task.wrong_in[node.index] > 0, None)
        elif come == 0:
            for onward in node.all_forward:
                self._skip(task, onward, frame)

    # decisions and loops

    def _accepts(self, visit: Visit) -> bool:
        right, wrong = self.setting.accept[visit.node.index]
        return visit.served.decide[visit.task.index] < (wrong if visit.is_wrong else right)

    def _reject(self, visit: Visit) -> None:
        """Back for rework while it may; else a person's no ends the branch, and a verifier lets it go on flagged."""
        task, node = visit.task, visit.node
        self.rejections.append((task.index, node.index, self.env.now))
        self.note("reject", task, node.index, visit, visit.is_wrong)
        if any(self._go_back(visit, edge) for edge in node.back):
            return
        if not node.is_human:
            self._go_on(visit)
            return
        task.is_declined = True
        task.delivered_s = self.env.now
        for edge in node.all_forward:
            self._skip(task, edge, visit.frame)
        self.close(task, visit.frame)

    def _repeats(self, visit: Visit) -> bool:
        """A loop without a decision: back by the edge's share; always, if back is the only way on."""
        node = visit.node
        if node.decides or not node.back:
            return False
        is_only_way = not node.all_forward and not node.is_exit
        for edge in node.back:
            share = edge.share if edge.share is not None else self.setting.repeat_share
            goes = is_only_way or visit.served.decide[visit.task.index] < share
            if goes and self._go_back(visit, edge):
                return True
        return False

    def _go_back(self, visit: Visit, edge: Edge) -> bool:
        task = visit.task
        if task.loops.get(edge.index, 0) >= edge.max_iterations:
            return False
        task.loops[edge.index] = task.loops.get(edge.index, 0) + 1
        for node, inside in edge.body:
            task.pending[node], task.come[node], task.wrong_in[node] = inside, 0, 0
            task.lost.discard(node)
        self.note("send", task, edge.index, visit, visit.is_wrong)
        target = self.nodes[edge.target]
        is_wrong = self._starts_wrong(visit, edge)
        if target.back_in > 1:
            # Several branches return to one agent: it goes on once, when the last of them is back.
            visit.frame.parked.append((edge.target, is_wrong))
        else:
            self.enter(task, target, visit.frame, is_wrong, edge)
        self.close(task, visit.frame)
        return True

    def _starts_wrong(self, visit: Visit, edge: Edge) -> bool:
        """A round of a loop goes on with what it has; rework begins with what the agent was given.

        An objection makes it look at that again: an inherited error is noticed as often as in a merge.
        """
        if not visit.node.decides:
            return visit.is_wrong
        task = visit.task
        is_noticed = visit.served.route[task.index] < self.setting.absorbed_share
        return task.entered_wrong[edge.target] and not is_noticed

    def _goes_round(self, visit: Visit) -> bool:
        """A moderator's next round of the same calls."""
        if visit.phase == 0 or visit.round >= visit.node.rounds:
            return False
        if visit.served.route[visit.task.index] >= self.setting.repeat_share:
            return False
        task, frame = visit.task, visit.frame
        self.enter(task, visit.node, frame, visit.is_wrong, None, round_=visit.round + 1)
        self.close(task, frame)
        return True

    # calls: ask others, wait, merge

    def _call(self, visit: Visit) -> None:
        node = visit.node
        edges = list(node.calls)
        if node.call_choice:
            edges.append(_chosen(node.call_choice, visit.served.route[visit.task.index]))
        group = Group(len(edges))
        for edge in edges:
            self._call_one(visit, group, edge, 0)

    def _call_one(self, visit: Visit, group: Group, edge: Edge, tries: int) -> None:
        task = visit.task
        frame = Frame(visit, group, edge, tries, live=1)
        if task.visits[edge.target * 2]:
            self._reset_after(task, edge.target)
        self.note("send", task, edge.index, visit, visit.is_wrong)
        self.enter(task, self.nodes[edge.target], frame, visit.is_wrong, edge)
        self.close(task, frame)

    def _reset_after(self, task: Task, start: int) -> None:
        """A repeated call walks again through what follows the one called."""
        for edge in self.nodes[start].all_forward:
            if task.come[edge.target] >= self.in_degrees[edge.target] == 1:
                task.pending[edge.target], task.come[edge.target] = 1, 0
                self._reset_after(task, edge.target)

    def _answer(self, frame: Frame) -> None:
        """A call has ended: asked again if it was lost and may be; the last answer lets the caller merge."""
        visit, group, edge = frame.visit, frame.group, frame.edge
        if visit is None or group is None or edge is None:
            return
        if frame.is_lost and frame.tries < edge.retries:
            self._call_one(visit, group, edge, frame.tries + 1)
            return
        group.waiting -= 1
        group.wrong += frame.is_wrong
        group.lost += frame.is_lost
        self.note("answer", visit.task, visit.node.index, visit, frame.is_wrong)
        if group.waiting:
            return
        if group.lost:
            self.fail(visit)
        else:
            self.merge(visit, visit.is_wrong or self._takes_over_error(visit, group.wrong))

    def _takes_over_error(self, visit: Visit, wrong_answers: int) -> bool:
        """Whether at least one of the wrong answers is not noticed in the merge."""
        if not wrong_answers:
            return False
        number = visit.task.visits[visit.node.index * 2 + 1]
        table = self.table_of(visit.node.index, 1, number, CALM)
        u = table.decide[visit.task.index]
        return bool(u >= self.setting.absorbed_share**wrong_answers)

    # losses and ends

    def fail(self, visit: Visit) -> None:
        """A visible failure: the caller is told, or the branch is lost for whoever waits for it."""
        task, frame = visit.task, visit.frame
        if task.failed_at < 0:
            task.failed_at = visit.node.index
        self.note("fail", task, visit.node.index, visit, visit.is_wrong)
        if frame.visit is not None:
            frame.is_lost = True
        else:
            self._lose(task, visit.node)
        self.close(task, frame)

    def _lose(self, task: Task, node: Node) -> None:
        """What a node would have sent on is missing; a join that can still have enough goes on without it."""
        if node.index in task.lost:
            return
        task.lost.add(node.index)
        onward = node.all_forward
        if not onward or node.is_exit:
            task.is_failed = True
        for edge in onward:
            target = self.nodes[edge.target]
            task.pending[target.index] -= 1
            can_still = task.come[target.index] + max(task.pending[target.index], 0)
            if target.waits_for_all or can_still < target.need:
                self._lose(task, target)

    def close(self, task: Task, frame: Frame) -> None:
        frame.live -= 1
        if frame.live > 0 or frame.is_closed:
            return
        if frame.parked:
            self._unpark(task, frame)
        elif frame.visit is not None:
            frame.is_closed = True
            self._answer(frame)
        elif not self._release_stuck(task):
            frame.is_closed = True
            self.leave(task)

    def _unpark(self, task: Task, frame: Frame) -> None:
        targets = sorted({target for target, _ in frame.parked})
        wrong = {target for target, is_wrong in frame.parked if is_wrong}
        frame.parked.clear()
        frame.live += 1
        for target in targets:
            self.enter(task, self.nodes[target], frame, target in wrong, None)
        self.close(task, frame)

    def _release_stuck(self, task: Task) -> bool:
        """Start a join that waits for an edge nobody will take any more; losses have been settled before."""
        for node in self.nodes:
            i = node.index
            waits = node.in_degree > 1 and task.come[i] > 0 and not task.visits[i * 2]
            if waits and i not in task.lost:
                task.frame.live += 1
                self.enter(task, node, task.frame, task.wrong_in[i] > 0, None)
                self.close(task, task.frame)
                return True
        return False


def _chosen(choice: list[tuple[float, Edge]], u: float) -> Edge:
    for below, edge in choice:
        if u < below:
            return edge
    return choice[-1][1]
