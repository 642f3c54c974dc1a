"""The failure modes chosen for a network: what, where, how often and by whose word, how bad, what helps."""

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from common.contracts.failures import FailureMode, FailurePlan, Likelihood, Target
from common.contracts.network import Network
from simulator_cli.render.network import WIDE
from simulator_cli.render.tables import bare_table
from simulator_cli.render.units import UNKNOWN, number, share, shorten

_BASIS = {
    "per_call": "per call",
    "per_task": "per task",
    "per_hour": "per hour",
    "share_of_failures": "of failures",
}


def failures_view(plan: FailurePlan, network: Network | None) -> RenderableType:
    """The table, worst first, and how many modes were weighed."""
    if not plan.modes:
        return Text("No failure modes are injected.", style="dim")
    names = {agent.id: agent.name for agent in network.agents} if network else {}
    footer = Text(
        f"{len(plan.modes)} chosen of {plan.considered} considered. "
        "Risk is severity × occurrence × detection, at most 1,000; "
        "“simulated with” is the chance drawn at each opportunity.",
        style="dim",
    )
    return Group(FailuresTable(plan.modes, names), footer)


def likelihood(stated: Likelihood) -> str:
    """How often, per what, and what the engine draws with when that is something else."""
    drawn = share(stated.simulated_per_opportunity)
    if stated.value is None:
        return f"{UNKNOWN}; simulated with {drawn}"
    text = _stated(stated.value, stated.basis)
    if stated.basis == "per_call" and stated.value == stated.simulated_per_opportunity:
        return text
    return f"{text}; simulated with {drawn}"


def place(targets: tuple[Target, ...], names: dict[str, str]) -> str:
    """What is struck, agents by name."""
    return ", ".join(_place(target, names) for target in targets) or UNKNOWN


def _stated(value: float, basis: str) -> str:
    if basis == "per_hour":
        return f"{number(value, 2)} {_BASIS[basis]}"
    return f"{share(value)} {_BASIS[basis]}"


def _place(target: Target, names: dict[str, str]) -> str:
    if target.kind == "edge" and "->" in target.ref:
        source, _, sink = target.ref.partition("->")
        return f"{names.get(source, source)} → {names.get(sink, sink)}"
    if target.kind in ("tool", "provider", "memory"):
        return f"{target.ref} ({target.kind})"
    return names.get(target.ref, target.ref)


@dataclass(frozen=True)
class FailuresTable:
    """A column per fact where there is room for it, else the facts of a failure under each other."""

    modes: tuple[FailureMode, ...]
    names: dict[str, str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._columns() if options.max_width >= WIDE else self._stacked()

    def _columns(self) -> Table:
        table = bare_table()
        table.add_column("Risk", justify="right", min_width=4, no_wrap=True)
        table.add_column("Failure", ratio=5)
        table.add_column("Strikes", ratio=4, overflow="fold")
        table.add_column("How often", ratio=7)
        table.add_column("What helps", ratio=6)
        for mode in self.modes:
            table.add_row(
                _risk(mode),
                _name(mode),
                Text(place(mode.targets, self.names)),
                how_often(mode.likelihood),
                Text(_remedies(mode)),
            )
        return table

    def _stacked(self) -> Table:
        table = bare_table()
        table.add_column("Risk", justify="right", min_width=4, no_wrap=True)
        table.add_column("Failure, how often, what helps", ratio=1, overflow="fold")
        for mode in self.modes:
            title = Text.assemble(_name(mode), " at ", place(mode.targets, self.names))
            helps = Text.assemble(("helps: ", "green"), _remedies(mode))
            table.add_row(_risk(mode), Text("\n").join([title, how_often(mode.likelihood), helps]))
        return table


def _name(mode: FailureMode) -> Text:
    return Text.assemble((mode.name, "bold"), (f" {mode.mode_id}", "dim"))


def _risk(mode: FailureMode) -> Text:
    return Text(str(mode.risk_priority), style=_risk_style(mode.severity))


def _remedies(mode: FailureMode) -> str:
    return "; ".join(m.name for m in mode.mitigations) or "nothing catalogued"


def how_often(stated: Likelihood) -> Text:
    """How often, and by whose word."""
    source = stated.source
    if stated.is_assumed and not source.casefold().startswith("assum"):
        source = f"assumed; {source}"
    return Text.assemble(likelihood(stated), (f" — {shorten(source, 90)}", "dim"))


def _risk_style(severity: int) -> str:
    if severity >= 8:
        return "bold red"
    return "yellow" if severity >= 5 else "green"
