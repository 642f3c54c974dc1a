"""What one visit of an agent takes, costs and yields, for all tasks at once.

The walk only queues and routes; everything inside a visit (model calls, tools, retries, checks) is computed here as
arrays with one entry per task, from streams named after what they decide. A failure mode rebuilds only the agents it
strikes; every other table is shared with the baseline.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from common.contracts.network import ToolSpec
from engine.draws import Draws, Flags, Floats, Whole, sigma_of
from engine.faults import DELAY_FACTOR, ON_CALL, QUALITY_FACTOR, REPEATS, Strike
from engine.graph import Node
from engine.model import Parameters, tool_figures
from engine.operations import Latency, Limits, Marks, Operation, attempt, strike_hits
from engine.policy import Policy

MAX_CHECK_ROUNDS = 2
"""An added check sends work back at most this often (assumed)."""
FORM_ERRORS_FOUND = 0.5
"""Share of silent errors that break a schema and so show in a schema check (assumed: form, not meaning)."""
CACHED_S = 0.001
"""A cache's answer, in s (assumed)."""
_UNCORRELATED = 1e12
ALWAYS_ACCEPTS = -1.0


@dataclass(frozen=True, slots=True)
class Regime:
    """What holds at the moment a visit starts."""

    incidents: tuple[int, ...] = ()
    """Indices of the strikes whose incident is open."""
    breaker_open: bool = False


CALM = Regime()


@dataclass(slots=True, eq=False)
class Table:
    """One (agent, phase, visit): lists for the walk, arrays for the accounts. Times in s from the start of service."""

    duration_s: list[float]
    response_s: list[float] | None
    """Time until a person looks; holds no server. Null for agents."""
    fails: list[bool]
    is_wrong: list[bool]
    decide: list[float]
    route: list[float]
    errors: list[int]
    calls: list[int]
    model_s: list[float]
    cost_usd: list[float]
    parts: dict[str, Floats]
    tokens_in: Floats
    tokens_out: Floats
    cost: Floats
    marks: Marks
    operations: list[Operation]
    wrongs: Whole
    trials: Whole


@dataclass(slots=True, eq=False)
class VisitBuilder:
    """Builds one table. `before` is the table of the same agent's previous visit of the task."""

    node: Node
    phase: int
    number: int
    draws: Draws
    parameters: Parameters
    policy: Policy
    tools: Mapping[str, ToolSpec]
    strikes: tuple[Strike, ...]
    regime: Regime = CALM
    before: Table | None = None
    peers: tuple[Table, ...] = ()
    """Tables of redundant branches of the same model class built before this one: their errors are correlated."""
    marks: Marks = field(default_factory=Marks)
    operations: list[Operation] = field(default_factory=list)
    clock: Floats = field(init=False)
    fails: Flags = field(init=False)
    wrong: Flags = field(init=False)
    rework_s: Floats = field(init=False)
    times: Floats = field(init=False)
    """How often the whole visit's tokens are paid."""

    def __post_init__(self) -> None:
        n = self.draws.n
        self.clock = np.full(n, self.parameters.number("network.hop_s"))
        self.fails, self.wrong = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        self.rework_s, self.times = np.zeros(n), np.ones(n)

    @property
    def where(self) -> tuple[str | int, ...]:
        return (self.node.spec.id, self.phase, self.number)

    def build(self) -> Table:
        self._run_operations()
        wrongs, trials = self._err_in_content()
        decide = self.draws.uniform("decide", *self.where)
        if self.phase == 0:
            for strike in self.strikes:
                decide = self._strike_visit(strike, decide)
        if self.policy.verifier and not self.node.decides:
            self._check_by_verifier()
        if self.policy.human_gate and not self.node.is_human:
            self._check_by_person()
        return self._table(decide, wrongs, trials)

    # operations: model calls, tools, a person's handling

    def _agent(self, name: str) -> float:
        return self.parameters.of("agent", self.node.spec.id, name) or 0.0

    def _human(self, name: str) -> float:
        return self.parameters.of("human", self.node.spec.id, name) or 0.0

    def _run_operations(self) -> None:
        model = None if self.node.is_human else self.node.spec.model_class
        if model is None:
            self._add(self._plain_work())
        first_calls = int(self._agent("model_calls")) if self.phase == 0 else 1
        for i in range(first_calls if model else 0):
            self._add(self._model_call(model or "", f"think{i}"))
        tools = self.node.spec.tools if self.phase == 0 else ()
        for name in tools:
            for i in range(int(self.parameters.of("tool", name, "calls") or 0)):
                self._add(self._tool_call(name, i))
        if model and tools:
            self._add(self._model_call(model, "conclude"))

    def _add(self, operation: Operation) -> None:
        if self.fails.any():
            operation.only_where(~self.fails)
        self.operations.append(operation)
        self.clock = self.clock + operation.total_s
        self.fails = self.fails | operation.failed

    def _met_by(self, scope: str) -> list[Strike]:
        """Strikes on this operation: aimed at it, or at the agent as a whole and then meeting its first one."""
        index, is_first = self.node.index, not self.operations
        met = []
        for strike in self.strikes:
            on_call = strike.effect in ON_CALL or strike.index in self.regime.incidents
            aimed = strike.meets(index, scope) or (is_first and strike.meets(index, "visit"))
            if on_call and aimed and (self.phase == 0 or scope == "model"):
                met.append(strike)
        return met

    def _plain_work(self) -> Operation:
        if self.node.is_human:
            latency = _lognormal(
                self._human("handling_p50_s"), self._human("handling_p95_s"), self.draws.n
            )
            kind = "human"
        else:
            latency = _lognormal(self._agent("service_s"), 0.0, self.draws.n)
            kind = "code"
        limits = Limits(0, 0.0, float("inf"))
        strikes = [s for s in self._met_by("visit") if not (s.is_window and self.node.is_human)]
        operation = self._attempt(
            kind, self.node.spec.id, latency=latency, error=0.0, limits=limits, strikes=strikes
        )
        if self.node.is_human:
            operation.cost = operation.ok_s * (self._human("usd_per_hour") / 3_600.0)
        return operation

    def _model_call(self, model_class: str, label: str) -> Operation:
        policy = self.policy
        limits = Limits(policy.retries, policy.backoff_s, policy.model_timeout_s)
        tokens_in, tokens_out = self._tokens(label)
        if self.regime.breaker_open:
            operation = self._refused(model_class, label)
        else:
            operation = self._try_model(
                model_class, label, tokens_out, limits, self._met_by("model")
            )
        cost = self._price(operation, model_class, tokens_in, tokens_out)
        if policy.fallback_model or policy.second_provider:
            spare_class = model_class if policy.second_provider else str(policy.fallback_model)
            cost = cost + self._fall_back(operation, spare_class, label, tokens_in, tokens_out)
        answered = ~operation.failed | (operation.timeouts > 0)
        operation.tokens_in, operation.tokens_out = tokens_in * answered, tokens_out * answered
        operation.cost = cost
        return operation

    def _try_model(
        self,
        model_class: str,
        label: str,
        tokens_out: Floats,
        limits: Limits,
        strikes: list[Strike],
    ) -> Operation:
        first_s = self.parameters.of_model(model_class, "ttft_s") or 0.0
        sigma = self.parameters.of_model(model_class, "ttft_sigma") or 0.0
        rate = self.parameters.of_model(model_class, "tokens_per_s") or 1.0

        def latency(stream: np.random.Generator) -> tuple[Floats, Floats]:
            first = first_s * np.exp(sigma * stream.standard_normal(self.draws.n))
            return first + tokens_out / rate, first

        error = self.parameters.of_model(model_class, "error_rate") or 0.0
        operation = self._attempt(
            "model", label, latency=latency, error=error, limits=limits, strikes=strikes
        )
        operation.answered_by = model_class
        return operation

    def _refused(self, model_class: str, label: str) -> Operation:
        """An open breaker answers at once, with an error."""
        n = self.draws.n
        zero, none = np.zeros(n), np.zeros(n, np.int64)
        return Operation(
            "model",
            label,
            zero.copy(),
            zero.copy(),
            zero.copy(),
            none,
            none.copy(),
            np.ones(n, np.bool_),
            answered_by=model_class,
        )

    def _tokens(self, label: str) -> tuple[Floats, Floats]:
        stream = self.draws.stream(*self.where, "tokens", label)
        z_in, z_out = stream.standard_normal((2, self.draws.n))
        p50_in, p95_in = self._agent("tokens_in_p50"), self._agent("tokens_in_p95")
        p50_out, p95_out = self._agent("tokens_out_p50"), self._agent("tokens_out_p95")
        tokens_in = np.rint(p50_in * np.exp(sigma_of(p50_in, p95_in) * z_in))
        return tokens_in, np.rint(p50_out * np.exp(sigma_of(p50_out, p95_out) * z_out))

    def _price(
        self, operation: Operation, model_class: str, tokens_in: Floats, tokens_out: Floats
    ) -> Floats:
        """Answers are billed, and attempts that ran into the limit; refused attempts are not (assumed)."""
        price_in = self.parameters.of_model(model_class, "price_in_usd_per_mtok") or 0.0
        price_out = self.parameters.of_model(model_class, "price_out_usd_per_mtok") or 0.0
        hidden = self.parameters.of_model(model_class, "hidden_tokens") or 0.0
        each = (tokens_in * price_in + (tokens_out + hidden) * price_out) / 1e6
        return each * ((~operation.failed).astype(float) + operation.timeouts)

    def _fall_back(
        self,
        operation: Operation,
        model_class: str,
        label: str,
        tokens_in: Floats,
        tokens_out: Floats,
    ) -> Floats:
        """One more attempt elsewhere where the first provider failed; in place. Returns what it adds in USD."""
        needed = operation.failed.copy()
        limits = Limits(0, 0.0, self.policy.model_timeout_s)
        spare = self._try_model(model_class, f"{label}/spare", tokens_out, limits, [])
        operation.retry_s = operation.retry_s + spare.retry_s * needed
        operation.ok_s = operation.ok_s + spare.ok_s * needed
        operation.attempts = operation.attempts + spare.attempts * needed
        operation.failed = operation.failed & spare.failed
        kind = "second provider" if self.policy.second_provider else f"fallback to {model_class}"
        for strike in self.strikes:
            if strike.index in self.marks.fired:
                saved = self.marks.fired[strike.index] & needed & ~operation.failed
                self.marks.save(strike, kind, saved)
        return self._price(spare, model_class, tokens_in, tokens_out) * needed

    def _tool_call(self, name: str, i: int) -> Operation:
        p50, p95, error, fee = tool_figures(
            self.parameters, self.tools.get(name) or ToolSpec(name=name, capability="")
        )
        limits = Limits(self.policy.retries, self.policy.backoff_s, self.policy.tool_timeout_s)
        strikes = self._met_by(f"tool:{name}")
        latency = _lognormal(p50, p95, self.draws.n)
        if self.policy.cache:
            latency = _cached(latency, self.draws.uniform("cache", *self.where) < self.policy.cache)
        operation = self._attempt(
            "tool",
            name,
            latency=latency,
            error=error,
            limits=limits,
            strikes=strikes,
            suffix=f"#{i}" if i else "",
        )
        operation.cost = operation.attempts.astype(float) * (fee or 0.0)
        return operation

    def _attempt(
        self,
        kind: str,
        ref: str,
        *,
        latency: Latency,
        error: float,
        limits: Limits,
        strikes: list[Strike],
        suffix: str = "",
    ) -> Operation:
        where = (self.node.spec.id, kind, ref + suffix, self.phase, self.number)
        return attempt(
            kind,
            ref,
            self.draws,
            where,
            latency=latency,
            error_rate=error,
            limits=limits,
            strikes=strikes,
            marks=self.marks,
            clock_s=self.clock,
        )

    # content: is the answer right, and does the agent know

    def _err_in_content(self) -> tuple[Whole, Whole]:
        """Draw the agent's own errors; attempts at one task are correlated (Pólya urn = beta-binomial).

        Source: queueing.md 6. Returns how many of how many attempts at this task were wrong so far.
        """
        n = self.draws.n
        wrongs = np.zeros(n, np.int64) if self.before is None else self.before.wrongs.copy()
        trials = np.zeros(n, np.int64) if self.before is None else self.before.trials.copy()
        for peer in self.peers:
            wrongs, trials = wrongs + peer.wrongs, trials + peer.trials
        share = self._error_share()
        if share <= 0:
            return wrongs, trials
        silent_share = 1.0 if self.node.is_human else self._agent("silent_share")
        open_tasks = ~self.fails
        base_s = self.clock.copy()
        for k in range(int(self._agent("reworks")) + 1):
            u, u_silent = self.draws.stream("content", *self.where, k).random((2, n))
            errs = open_tasks & (u < self._chance(share, wrongs, trials))
            wrongs, trials = wrongs + errs, trials + open_tasks
            silent = errs & (u_silent < silent_share)
            self.wrong |= silent
            open_tasks = errs & ~silent
            if k < int(self._agent("reworks")):
                self._redo(open_tasks, base_s)
            if not open_tasks.any():
                break
        self.fails = self.fails | open_tasks
        return wrongs, trials

    def _error_share(self) -> float:
        """0 for those who only decide, run code, or will still merge their workers' answers."""
        node = self.node
        if node.decides or (self.phase == 0 and (node.calls or node.call_choice)):
            return 0.0
        if node.is_human:
            return self._human("task_error")
        if node.spec.model_class is None:
            return 0.0
        own = self.parameters.of("agent", node.spec.id, "task_error")
        return own if own is not None else self._class_error(node.spec.model_class)

    def _class_error(self, model_class: str) -> float:
        return self.parameters.of_model(model_class, "task_error") or 0.0

    def _chance(self, share: float, wrongs: Whole, trials: Whole) -> Floats:
        name = "vote.correlation" if self.peers else ""
        rho = self.parameters.number(name) if name else self._agent("correlation")
        weight = min(1.0 / rho - 1.0, _UNCORRELATED) if rho > 0 else _UNCORRELATED
        if weight <= 0:
            return np.where(trials > 0, (wrongs > 0).astype(float), share)
        return (share * weight + wrongs) / (weight + trials)

    def _redo(self, again: Flags, base_s: Floats) -> None:
        self.rework_s = self.rework_s + np.where(again, base_s, 0.0)
        self.times = self.times + again

    # strikes on the visit as a whole

    def _strike_visit(self, strike: Strike, decide: Floats) -> Floats:
        if strike.effect in ON_CALL or strike.is_window:
            return decide
        hit = strike_hits(strike, self.draws, self.where, 0) & ~self.fails
        if self.policy.cache and not self.node.decides:
            hit = hit & (self.draws.uniform("cache", *self.where) >= self.policy.cache)
        self.marks.fire(strike, hit)
        match strike.effect:
            case "silent_error" | "compromise":
                return self._spoil(strike, hit, decide)
            case "loop":
                self._repeat(strike, hit)
            case "degrade":
                self._degrade(strike, hit)
            case "duplicate":
                self._double(strike, hit)
            case "drop":
                self._lose(strike, hit)
        self._noticed_by_monitoring(strike, hit)
        return decide

    def _noticed_by_monitoring(self, strike: Strike, hit: Flags) -> None:
        share = strike.number("detect_share", 0.0)
        if share > 0:
            seen = hit & (self.draws.uniform("monitor", strike.mode.id, *self.where) < share)
            self.marks.notice(strike, seen, self.clock + self.rework_s)

    def _spoil(self, strike: Strike, hit: Flags, decide: Floats) -> Floats:
        self._noticed_by_monitoring(strike, hit)
        if self.node.decides:
            return np.where(hit, ALWAYS_ACCEPTS, decide)
        if self.policy.schema_check:
            found = hit & (
                self.draws.uniform("schema", strike.mode.id, *self.where) < FORM_ERRORS_FOUND
            )
            self.marks.notice(strike, found, self.clock)
            self.marks.save(strike, "schema check", found)
            self._redo(found, self.clock.copy())
            hit = hit & ~found
        self.wrong = self.wrong | hit
        return decide

    def _repeat(self, strike: Strike, hit: Flags) -> None:
        rounds = int(strike.number("repeats", REPEATS))
        guard = self.policy.loop_guard
        if guard is not None and rounds >= guard:
            self.marks.save(strike, "loop guard", hit)
            rounds = guard - 1
        for _ in range(max(rounds, 0)):
            self._redo(hit, self.clock)

    def _degrade(self, strike: Strike, hit: Flags) -> None:
        if "quality_factor" in strike.options or "delay_factor" not in strike.options:
            keeps = strike.number("quality_factor", QUALITY_FACTOR)
            worse = hit & (self.draws.uniform("quality", strike.mode.id, *self.where) >= keeps)
            if self.policy.schema_check:
                found = worse & (self.draws.uniform("schema", *self.where) < FORM_ERRORS_FOUND)
                self.marks.notice(strike, found, self.clock)
                self.marks.save(strike, "schema check", found)
                self._redo(found, self.clock)
                worse = worse & ~found
            if self.policy.second_provider:
                self.marks.save(strike, "second provider", worse)
                worse = np.zeros_like(worse)
            self.wrong = self.wrong | worse
        if "delay_factor" in strike.options:
            factor = strike.number("delay_factor", DELAY_FACTOR)
            tries = strike.number("repeats", 1.0)
            if self.policy.breaker or self.policy.retries < 2:
                factor = 1.0 + (factor - 1.0) / max(tries, 1.0)
                self.marks.save(strike, "fewer retries", hit)
            self.rework_s = self.rework_s + np.where(hit, self.clock * (factor - 1.0), 0.0)

    def _double(self, strike: Strike, hit: Flags) -> None:
        """The work is done twice; an effect in the world then happens twice, which makes the result wrong."""
        if self.policy.idempotency:
            self.marks.save(strike, "idempotency key", hit)
            self.marks.notice(strike, hit, self.clock)
            return
        self._redo(hit, self.clock.copy())
        effects = {self.tools[t].side_effect for t in self.node.spec.tools if t in self.tools}
        if effects & {"write", "irreversible"}:
            self.wrong = self.wrong | hit

    def _lose(self, strike: Strike, hit: Flags) -> None:
        """A lost message is sent again when its sender retries; otherwise the branch is lost."""
        after_s = self.parameters.number("redelivery_s")
        if self.policy.retries > self.parameters.number("call.retries") or self.policy.patience_s:
            again = hit & (
                self.draws.uniform("redelivery", strike.mode.id, *self.where) >= strike.share
            )
            after_s = min(after_s, self.policy.patience_s or after_s)
            self.rework_s = self.rework_s + np.where(again, after_s, 0.0)
            self.marks.notice(strike, again, np.full(self.draws.n, after_s))
            self.marks.save(strike, "redelivery", again)
            hit = hit & ~again
        self.marks.notice(strike, hit, np.full(self.draws.n, after_s))
        self.fails = self.fails | hit

    # checks that a mitigation adds to this agent

    def _check_by_verifier(self) -> None:
        label = "check"
        call = self._model_call(self.node.spec.model_class or "medium", label)
        accept_right = self.parameters.number("verifier.accept_correct")
        accept_wrong = self.parameters.number("verifier.accept_wrong")
        self._check(
            "verifier",
            accept_right,
            accept_wrong,
            each_s=call.total_s,
            each_times=self._worth(call),
        )

    def _worth(self, call: Operation) -> Floats:
        """Its tokens as a multiple of the visit's, so that `times` pays for it."""
        own = sum(
            (np.asarray(op.cost) for op in self.operations if op.cost is not None), np.zeros(1)
        )
        price = np.zeros(1) if call.cost is None else call.cost
        return np.where(own > 0, price / np.maximum(own, 1e-12), 1.0) * np.ones(self.draws.n)

    def _check_by_person(self) -> None:
        p50 = self.parameters.of("human", "*", "response_p50_s") or 0.0
        p95 = self.parameters.of("human", "*", "response_p95_s") or 0.0
        stream = self.draws.stream("gate", *self.where)
        wait_s, _ = _lognormal(p50, p95, self.draws.n)(stream)
        asked = stream.random(self.draws.n) < self.policy.human_gate
        right = self.parameters.of("human", "*", "approve_share") or 0.0
        wrong = self.parameters.of("human", "*", "accept_wrong_share") or 0.0
        self._check(
            "human gate",
            right,
            wrong,
            each_s=wait_s * asked,
            each_times=np.zeros(self.draws.n),
            asked=asked,
        )

    def _check(
        self,
        label: str,
        accept_right: float,
        accept_wrong: float,
        *,
        each_s: Floats,
        each_times: Floats,
        asked: Flags | None = None,
    ) -> None:
        """Up to `MAX_CHECK_ROUNDS` rejections, each redone with the agent's own error share."""
        open_tasks = ~self.fails if asked is None else asked & ~self.fails
        work_s = self.clock.copy()
        share = self._error_share()
        rho = self._agent("correlation")
        for k in range(MAX_CHECK_ROUNDS + 1):
            self.rework_s = self.rework_s + np.where(open_tasks, each_s, 0.0)
            self.times = self.times + np.where(open_tasks, each_times, 0.0)
            u, u_redo = self.draws.stream(label, *self.where, k).random((2, self.draws.n))
            rejected = open_tasks & (u >= np.where(self.wrong, accept_wrong, accept_right))
            if k == MAX_CHECK_ROUNDS or not rejected.any():
                break
            self._credit(label, rejected & self.wrong)
            self._redo(rejected, work_s)
            again = np.where(self.wrong, share + rho * (1 - share), share * (1 - rho))
            self.wrong = np.where(rejected, u_redo < again, self.wrong)
            open_tasks = rejected

    def _credit(self, label: str, caught: Flags) -> None:
        for strike in self.strikes:
            fired = self.marks.fired.get(strike.index)
            if fired is not None and strike.effect in ("silent_error", "compromise", "degrade"):
                self.marks.notice(strike, fired & caught, self.clock + self.rework_s)
                self.marks.save(strike, label, fired & caught)

    # the result

    def _table(self, decide: Floats, wrongs: Whole, trials: Whole) -> Table:
        n = self.draws.n
        zero = np.zeros(n)
        parts = {
            name: sum((op.ok_s for op in self.operations if op.kind == kind), zero)
            for name, kind in (("model", "model"), ("tool", "tool"), ("human", "human"))
        }
        parts["model"] = sum(
            (op.ok_s for op in self.operations if op.kind == "code"), parts["model"]
        )
        parts["retries"] = sum((op.retry_s for op in self.operations), zero)
        parts["backoff"] = sum((op.backoff_s for op in self.operations), zero)
        parts["rework"] = self.rework_s
        parts["network"] = np.full(n, self.parameters.number("network.hop_s"))
        duration = self.clock + self.rework_s
        models = [op for op in self.operations if op.kind == "model"]
        cost = sum((op.cost for op in self.operations if op.cost is not None), zero) * self.times
        return Table(
            duration_s=duration.tolist(),
            response_s=self._response(),
            fails=self.fails.tolist(),
            is_wrong=self.wrong.tolist(),
            decide=decide.tolist(),
            route=self.draws.uniform("route", *self.where).tolist(),
            errors=sum((op.attempts - ~op.failed for op in models), np.zeros(n, np.int64)).tolist(),
            calls=sum((op.attempts for op in models), np.zeros(n, np.int64)).tolist(),
            model_s=sum((op.total_s for op in models), zero).tolist(),
            cost_usd=cost.tolist(),
            parts=parts,
            tokens_in=sum((op.tokens_in for op in models if op.tokens_in is not None), zero)
            * self.times,
            tokens_out=sum((op.tokens_out for op in models if op.tokens_out is not None), zero)
            * self.times,
            cost=cost,
            marks=self.marks,
            operations=self.operations,
            wrongs=wrongs,
            trials=trials,
        )

    def _response(self) -> list[float] | None:
        if not self.node.is_human:
            return None
        p50, p95 = self._human("response_p50_s"), self._human("response_p95_s")
        z = self.draws.stream("response", *self.where).standard_normal(self.draws.n)
        response: list[float] = (p50 * np.exp(sigma_of(p50, p95) * z)).tolist()
        return response


def _lognormal(p50: float, p95: float, n: int) -> Latency:
    """An error shows when the answer would have come."""
    sigma = sigma_of(p50, p95)

    def latency(stream: np.random.Generator) -> tuple[Floats, Floats]:
        answer = p50 * np.exp(sigma * stream.standard_normal(n))
        return answer, answer

    return latency


def _cached(latency: Latency, hits: Flags) -> Latency:
    def cached(stream: np.random.Generator) -> tuple[Floats, Floats]:
        answer, error = latency(stream)
        return np.where(hits, CACHED_S, answer), error

    return cached
