"""Spans and logs of the sampled task under the OpenTelemetry GenAI names (semantic conventions v1.41.1)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal

from common.contracts.narrative import LogRecord, Span
from common.contracts.run import JourneyStep
from narrator.rules.run_view import RunView

PROVIDER = "sim"
_CHILD_SPANS = frozenset({"model_call", "tool_used", "human_wait"})


def trace_id_of(simulation_id: str, revision: int) -> str:
    """32 hex digits, the same for the same run."""
    return sha256(f"{simulation_id}/{revision}".encode()).hexdigest()[:32]


def span_id_of(trace_id: str, key: str) -> str:
    return sha256(f"{trace_id}/{key}".encode()).hexdigest()[:16]


def slug(text: str) -> str:
    """A service name: lower case, words joined by dashes."""
    words = "".join(c if c.isalnum() else " " for c in text.lower()).split()
    return "-".join(words)[:63] or "workflow"


@dataclass(slots=True)
class _Open:
    """An agent's visit while its steps are gathered."""

    step: JourneyStep
    span_id: str
    end_s: float
    status: Literal["ok", "error"] = "ok"
    attributes: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Tracer:
    """Turns the journey of one task into spans and logs."""

    view: RunView
    trace_id: str

    @property
    def steps(self) -> tuple[JourneyStep, ...]:
        return self.view.run.journey

    @cached_property
    def workflow(self) -> str:
        return slug(self.view.heard.interpretation.title or "workflow")

    @cached_property
    def conversation(self) -> str:
        return f"{self.view.heard.simulation_id}-r{self.view.heard.revision}"

    @cached_property
    def root_id(self) -> str:
        return span_id_of(self.trace_id, "root")

    @cached_property
    def _visits(self) -> dict[int, _Open]:
        """By the index of their `agent_start`; the end is that of the last step that belongs to them."""
        visits = {
            step.index: _Open(step, span_id_of(self.trace_id, str(step.index)), step.sim_time_s)
            for step in self.steps
            if step.kind == "agent_start"
        }
        for step in self.steps:
            owner = visits.get(step.parent) if step.parent is not None else None
            if owner is not None:
                self._gather(owner, step)
        # A caller is busy until the agents it called have answered.
        for visit in reversed(visits.values()):
            caller = visits.get(visit.step.parent) if visit.step.parent is not None else None
            if caller is not None:
                caller.end_s = max(caller.end_s, visit.end_s)
        return visits

    def _gather(self, owner: _Open, step: JourneyStep) -> None:
        owner.end_s = max(owner.end_s, _end(step))
        if step.kind == "agent_complete":
            if step.status in ("error", "timeout"):
                owner.status = "error"
                owner.attributes["error.type"] = error_type(step)
        elif step.kind in ("failure_mode_triggered", "failure_recovered", "data_flow"):
            owner.events.append(self._span_event(step))

    def _span_event(self, step: JourneyStep) -> dict[str, Any]:
        names = {
            "failure_mode_triggered": "sim.failure.triggered",
            "failure_recovered": "sim.failure.recovered",
            "data_flow": "sim.data_flow",
        }
        key = "sim.edge" if step.kind == "data_flow" else "sim.failure.id"
        return {
            "name": names[step.kind],
            "time_s": step.sim_time_s,
            "attributes": {key: step.ref} | _flat(step.detail),
        }

    def service_of(self, agent_id: str | None) -> str:
        return slug(agent_id) if agent_id in self.view.agents and agent_id else self.workflow

    def spans(self) -> tuple[Span, ...]:
        """The root first, then in the order of the journey; every parent stands before its children."""
        if not self.steps:
            return ()
        return (self._root(), *self._agent_spans(), *self._call_spans())

    def _root(self) -> Span:
        failed = any(
            s.kind == "agent_complete" and s.status in ("error", "timeout") and s.parent is not None
            for s in self.steps[-1:]
        )
        return Span(
            span_id=self.root_id,
            parent_id=None,
            name=f"invoke_workflow {self.workflow}",
            service=self.workflow,
            start_s=min(step.sim_time_s for step in self.steps),
            end_s=max(
                [_end(step) for step in self.steps] + [v.end_s for v in self._visits.values()]
            ),
            status="error" if failed else "ok",
            attributes={
                "gen_ai.operation.name": "invoke_workflow",
                "gen_ai.workflow.name": self.workflow,
                "gen_ai.conversation.id": self.conversation,
                "sim.simulated": True,
                "sim.seed": self.view.run.seed,
                "sim.pattern": self.view.heard.network.pattern,
            },
        )

    def _agent_spans(self) -> Iterator[Span]:
        for visit in self._visits.values():
            step = visit.step
            agent = self.view.agents.get(step.agent_id or step.ref)
            name = agent.name if agent else step.ref
            attributes: dict[str, Any] = {
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.provider.name": PROVIDER,
                "gen_ai.agent.id": agent.id if agent else step.ref,
                "gen_ai.agent.name": name,
                "gen_ai.conversation.id": self.conversation,
                "sim.simulated": True,
                "sim.agent.kind": agent.kind if agent else "agent",
            }
            if agent and agent.role:
                attributes["gen_ai.agent.description"] = agent.role
            yield Span(
                span_id=visit.span_id,
                parent_id=self._parent(step),
                name=f"invoke_agent {name}",
                service=self.service_of(step.agent_id or step.ref),
                start_s=step.sim_time_s,
                end_s=visit.end_s,
                status=visit.status,
                attributes=attributes | visit.attributes | _flat(step.detail),
                events=tuple(visit.events),
            )

    def _parent(self, step: JourneyStep) -> str:
        visit = self._visits.get(step.parent) if step.parent is not None else None
        return visit.span_id if visit and visit.step.index != step.index else self.root_id

    def _call_spans(self) -> Iterator[Span]:
        """Retries are siblings, each with its own status."""
        for step in self.steps:
            if step.kind in _CHILD_SPANS:
                yield from self._tries(step)

    def _tries(self, step: JourneyStep) -> Iterator[Span]:
        """One span per try. A step that sums up several is cut into equal parts, which are marked as such."""
        tries = step.attempt if self._sums_up(step) else 1
        length = (step.duration_s or 0.0) / tries
        for number in range(1, tries + 1):
            is_last = number == tries
            bad = not is_last or step.status in ("error", "timeout")
            name, kind, attributes = self._call(step, counts=is_last)
            attributes |= {
                "sim.simulated": True,
                "sim.attempt": number if tries > 1 else step.attempt,
            }
            if tries > 1:
                attributes["sim.try_length_estimated"] = True
            if bad:
                attributes["error.type"] = error_type(step)
            key = str(step.index) if is_last else f"{step.index}/{number}"
            start = step.sim_time_s + (number - 1) * length
            yield Span(
                span_id=span_id_of(self.trace_id, key),
                parent_id=self._parent(step),
                name=name,
                kind=kind,
                service=self.service_of(step.agent_id),
                start_s=start,
                end_s=_end(step) if is_last else start + length,
                status="error" if bad else "ok",
                attributes=attributes,
            )

    def _sums_up(self, step: JourneyStep) -> bool:
        """Whether the tries before this one have no step of their own."""
        before = (step.parent, step.kind, step.ref, step.attempt - 1)
        return step.attempt > 1 and not any(
            (s.parent, s.kind, s.ref, s.attempt) == before for s in self.steps
        )

    def _call(
        self, step: JourneyStep, *, counts: bool
    ) -> tuple[str, Literal["INTERNAL", "CLIENT"], dict[str, Any]]:
        """Name, kind and own attributes of a chat, a tool call or an approval; `counts`: the try that is paid."""
        if step.kind == "model_call":
            return self._chat(step, counts=counts)
        if step.kind == "tool_used":
            return self._tool(step)
        attributes = {"sim.approval.decision": step.status} | _flat(step.detail)
        return "sim.human_approval", "INTERNAL", attributes

    def _chat(
        self, step: JourneyStep, *, counts: bool
    ) -> tuple[str, Literal["CLIENT"], dict[str, Any]]:
        agent = self.view.agents.get(step.agent_id or "")
        model = str(
            step.detail.get("model") or step.detail.get("model_class") or _model(agent) or step.ref
        )
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": PROVIDER,
            "gen_ai.request.model": model,
            "gen_ai.conversation.id": self.conversation,
        }
        renamed = {
            "tokens_in": "gen_ai.usage.input_tokens",
            "tokens_out": "gen_ai.usage.output_tokens",
            "cost_usd": "sim.cost.usd",
        }
        for ours, theirs in renamed.items():
            value = step.detail.get(ours) if counts else None
            if isinstance(value, int | float):
                attributes[theirs] = round(value) if ours.startswith("tokens") else value
        if counts and step.status == "ok":
            attributes["gen_ai.response.finish_reasons"] = ["stop"]
        return f"chat {model}", "CLIENT", attributes

    def _tool(self, step: JourneyStep) -> tuple[str, Literal["INTERNAL"], dict[str, Any]]:
        tool = next((t for t in self.view.heard.network.tools if t.name == step.ref), None)
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": step.ref,
            "gen_ai.tool.type": "extension" if tool and tool.mcp_server else "function",
            "gen_ai.tool.call.id": span_id_of(self.trace_id, f"call-{step.index}"),
        }
        if tool and tool.description:
            attributes["gen_ai.tool.description"] = tool.description
        return f"execute_tool {step.ref}", "INTERNAL", attributes | _flat(step.detail)

    def logs(self) -> tuple[LogRecord, ...]:
        """What the services would have written: failures, recoveries, errors, rejections, the end of the task."""
        records = [record for step in self.steps if (record := self._log(step))]
        if self.steps:
            end = max(_end(step) for step in self.steps)
            where = (end, self.workflow, self.root_id)
            records.append(_record(where, "INFO", "The task has left the network."))
        return tuple(records)

    def _log(self, step: JourneyStep) -> LogRecord | None:
        service = self.service_of(step.agent_id)
        span_id = self._span_of(step)
        attributes = {"sim.ref": step.ref, "sim.attempt": step.attempt}
        if step.kind == "failure_mode_triggered":
            body = (
                f"Injected failure {self.view.mode_name(step.ref)} at {self.view.places(step.ref)}."
            )
            attributes["event.name"] = "sim.failure.triggered"
            return _record((step.sim_time_s, service, span_id), "WARN", body, attributes)
        if step.kind == "failure_recovered":
            body = f"Recovered from {self.view.mode_name(step.ref)}."
            attributes["event.name"] = "sim.failure.recovered"
            return _record((step.sim_time_s, service, span_id), "INFO", body, attributes)
        if step.status == "ok":
            return None
        return self._bad_step(step, service, span_id, attributes)

    def _bad_step(
        self, step: JourneyStep, service: str, span_id: str, attributes: dict[str, Any]
    ) -> LogRecord:
        if step.status == "rejected":
            attributes |= {
                "event.name": "gen_ai.evaluation.result",
                "gen_ai.evaluation.name": "review",
                "gen_ai.evaluation.score.label": "fail",
            }
            body = f"{self.view.name(step.agent_id or step.ref)} rejected the work."
            return _record((_end(step), service, span_id), "INFO", body, attributes)
        attributes |= {
            "event.name": "gen_ai.client.operation.exception",
            "exception.type": error_type(step),
        }
        body = f"{step.ref} failed on attempt {step.attempt}: {error_type(step)}."
        return _record((_end(step), service, span_id), "WARN", body, attributes)

    def _span_of(self, step: JourneyStep) -> str:
        if step.kind in _CHILD_SPANS or step.kind == "agent_start":
            return span_id_of(self.trace_id, str(step.index))
        return self._parent(step)


def _record(
    where: tuple[float, str, str],
    severity: Literal["INFO", "WARN"],
    body: str,
    attributes: dict[str, Any] | None = None,
) -> LogRecord:
    """`where` is the time in s, the service and the span."""
    time_s, service, span_id = where
    return LogRecord(
        sim_time_s=time_s,
        severity=severity,
        service=service,
        body=body,
        span_id=span_id,
        attributes={**(attributes or {}), "sim.simulated": True},
    )


def error_type(step: JourneyStep) -> str:
    """Low-cardinality, as the conventions ask; the step's own word wins."""
    own = step.detail.get("error_type") or step.detail.get("error")
    if isinstance(own, str) and own:
        return own
    return "timeout" if step.status == "timeout" else "_OTHER"


def _end(step: JourneyStep) -> float:
    """A visit's `agent_complete` stands at its end and tells how long it took; other steps stand at their start."""
    return step.sim_time_s + (0.0 if step.kind == "agent_complete" else step.duration_s or 0.0)


def _model(agent: Any) -> str | None:
    return agent.model_class if agent else None


def _flat(detail: dict[str, Any]) -> dict[str, Any]:
    """Details under our own prefix; only what an attribute can hold."""
    return {
        f"sim.{key}": value
        for key, value in detail.items()
        if isinstance(value, str | int | float | bool)
        or (isinstance(value, list) and all(isinstance(v, str) for v in value))
    }
