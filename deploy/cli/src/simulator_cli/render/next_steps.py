"""Where to look next, with commands that work as they stand."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from simulator_cli.render.tables import heading


def next_steps(
    simulation_id: str, *, base_url: str, stops_after: bool, is_remote: bool = False
) -> RenderableType:
    """Commands and addresses for this simulation.

    Args:
        simulation_id: the simulation just shown.
        base_url: the gateway that holds it.
        stops_after: the gateway ends with this command, so its addresses are not offered.
        is_remote: commands need `--url`.
    """
    suffix = f" --url {base_url}" if is_remote else ""
    rows = [
        ("Read it again", f"./simulator report {simulation_id}{suffix}"),
        ("For someone else", f"./simulator report {simulation_id} --format markdown{suffix}"),
        ("The task's spans", f"./simulator trace {simulation_id}{suffix}"),
        ("Every event", f"./simulator watch {simulation_id}{suffix}"),
        ("All so far", f"./simulator list{suffix}"),
        ("Another draw", f'./simulator demo "your scenario" --seed 2{suffix}'),
    ]
    if stops_after:
        rows.append(("Keep it running", "./simulator up --detach"))
    else:
        rows += [
            ("API", f"{base_url}/docs"),
            ("Report as JSON", f"{base_url}/simulations/{simulation_id}/report"),
        ]
    table = Table.grid(padding=(0, 2, 0, 0))
    for label, value in rows:
        table.add_row(Text(label, style="bold"), Text(value, style="cyan", overflow="fold"))
    return Group(heading("WHERE TO LOOK NEXT"), table)
