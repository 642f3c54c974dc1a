"""How busy each agent is."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from common.contracts.run import AgentFigures
from simulator_cli.render.tables import bare_table
from simulator_cli.render.units import duration, money, share

BAR_WIDTH = 20
_FULL = "█"
_EMPTY = "░"


def utilisation(agents: Sequence[AgentFigures], names: dict[str, str]) -> Table:
    """One bar per agent: the share of its servers that are busy."""
    table = bare_table()
    table.add_column("Busy in the baseline", ratio=1)
    table.add_column("", width=BAR_WIDTH, no_wrap=True)
    table.add_column("", justify="right", min_width=6, no_wrap=True)
    table.add_column("wait p95", justify="right", min_width=8, no_wrap=True)
    table.add_column("per task", justify="right", min_width=8, no_wrap=True)
    for agent in agents:
        table.add_row(
            Text(names.get(agent.agent_id, agent.agent_id)),
            bar(agent.utilisation.value),
            share(agent.utilisation.value),
            duration(agent.wait_s_p95),
            money(agent.cost_usd_per_task),
        )
    return table


def bar(value: float, width: int = BAR_WIDTH) -> Text:
    """A share as a bar: green, yellow from 60 %, red from 85 % (where queues begin to explode)."""
    filled = min(width, max(0, round(value * width)))
    if value > 0 and filled == 0:
        filled = 1
    style = "red" if value >= 0.85 else "yellow" if value >= 0.6 else "green"
    return Text.assemble((_FULL * filled, style), (_EMPTY * (width - filled), "dim"))
