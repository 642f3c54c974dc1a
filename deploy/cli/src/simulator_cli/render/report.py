"""A whole rehearsal on one page: reading, network, failures, figures, journey, story."""

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from common.contracts.network import Alternative, Forecast, Network
from common.contracts.scenario import Interpretation
from common.contracts.values import Provenance
from simulator_cli.rehearsal import Rehearsal
from simulator_cli.render.failures import failures_view
from simulator_cli.render.figures import figures_view
from simulator_cli.render.journey import Journey
from simulator_cli.render.network import NetworkDrawing, ToolsTable, headline
from simulator_cli.render.story import story_view
from simulator_cli.render.tables import hanging, heading
from simulator_cli.render.units import count, duration_band, money_band, share_band, shorten

MAX_QUESTIONS = 4


def report_view(rehearsal: Rehearsal) -> RenderableType:
    """What is there of the rehearsal; parts that were not reached are left out."""
    parts: list[RenderableType] = []
    if rehearsal.interpretation:
        parts += _section("SCENARIO", interpretation_view(rehearsal.interpretation))
    if rehearsal.network:
        parts += _section("NETWORK", network_view(rehearsal.network))
    if rehearsal.failures:
        parts += _section("FAILURES", failures_view(rehearsal.failures, rehearsal.network))
    if rehearsal.run:
        run = rehearsal.run
        parts += _section("RUN", figures_view(run, rehearsal.network, rehearsal.failures))
        journey = Journey(run.journey, rehearsal.network, rehearsal.failures)
        parts += _section("ONE TASK'S JOURNEY", journey)
    if rehearsal.narrative:
        parts += _section("STORY", story_view(rehearsal.narrative))
    if rehearsal.provenance:
        parts.append(provenance_line(rehearsal.provenance))
    return Group(*parts)


def provenance_line(provenance: dict[str, Provenance]) -> Text:
    """What answered each stage: the rules engines, or which model and prompt."""
    stages: dict[str, list[str]] = {}
    for stage, answered in provenance.items():
        stages.setdefault(_engine(answered), []).append(stage)
    told = "; ".join(
        engine if len(stages) == 1 else f"{engine} ({', '.join(names)})"
        for engine, names in stages.items()
    )
    return Text(f"Answered by {told}.", style="dim")


def _engine(answered: Provenance) -> str:
    if answered.engine == "llm":
        prompt = f", prompt {answered.prompt_version}" if answered.prompt_version else ""
        return f"{answered.model or 'a model'} of {answered.provider or 'a provider'}{prompt}"
    why = f" because {answered.fallback_reason}" if answered.fallback_reason else ""
    return f"the rules engines{why}"


def interpretation_view(read: Interpretation) -> RenderableType:
    """What was understood, in a few lines, and what the text leaves open."""
    lines = [Text.assemble((read.title, "bold"), (f" · {read.industry.name}", "cyan"))]
    if not read.is_scenario:
        lines.append(Text("This does not read like a scenario.", style="bold yellow"))
    lines.append(Text.assemble(("Goal ", "bold"), read.goal.name))
    if read.steps:
        lines.append(Text.assemble(("Steps ", "bold"), "; ".join(s.name for s in read.steps)))
    for label, found in (("Numbers", read.quantities), ("Approvals", read.approvals)):
        if found:
            names = "; ".join(dict.fromkeys(item.name for item in found))
            lines.append(Text.assemble((f"{label} ", "bold"), names))
    return Group(*lines)


def network_view(network: Network) -> RenderableType:
    """Why this shape, the drawing, the tools, what else was considered, what is open."""
    parts: list[RenderableType] = [headline(network), Text(), NetworkDrawing(network)]
    if network.tools:
        parts.append(ToolsTable(network))
    if network.alternatives:
        parts.append(Text("Also considered", style="bold"))
        parts.append(hanging(("·", _alternative(other)) for other in network.alternatives))
    if network.questions:
        parts.append(Text("Open questions", style="bold"))
        shown = network.questions[:MAX_QUESTIONS]
        parts.append(hanging(("?", Text(shorten(question.text, 150))) for question in shown))
        left = len(network.questions) - MAX_QUESTIONS
        if left > 0:
            parts.append(Text(f"  and {left} more in the report", style="dim"))
    return Group(*parts)


def _alternative(alternative: Alternative) -> Text:
    pattern = alternative.pattern.replace("_", " ")
    text = Text.assemble(
        (alternative.name, "bold"),
        "" if pattern in alternative.name.casefold() else f" ({pattern})",
        f": {alternative.reason}",
    )
    if alternative.forecast:
        text.append(_forecast(alternative.forecast), style="dim")
    return text


def _forecast(forecast: Forecast) -> str:
    """What a short run gave; nothing when it was not run."""
    bands = (forecast.latency_p95_s, forecast.cost_usd_per_task, forecast.success)
    if bands == (None, None, None):
        return ""
    return (
        f" Forecast: {count(forecast.agents, 'agent')}, p95 {duration_band(bands[0])}, "
        f"cost/task {money_band(bands[1])}, success {share_band(bands[2])}."
    )


def _section(title: str, body: RenderableType) -> list[RenderableType]:
    return [heading(title), Padding(body, (0, 0, 1, 0))]
