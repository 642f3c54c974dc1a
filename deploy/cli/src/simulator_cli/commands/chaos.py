"""`simulator chaos`: break a stack of its own under load and count what was lost, doubled or left open."""

import subprocess
import sys
from typing import Annotated

import typer

from simulator_cli.commands.develop import project_root


def chaos(
    *,
    seed: Annotated[int, typer.Option(min=0, help="Order and moments of the faults.")] = 1,
    minutes: Annotated[
        float, typer.Option(min=1, help="How long; from 8 on also the long outages.")
    ] = 10,
    rate: Annotated[float, typer.Option(min=0.1, max=50, help="Submissions per second.")] = 2,
) -> None:
    """Kill, freeze and wipe parts of a throw-away stack under load; exit code 1 when anything was lost or doubled."""
    root = project_root()
    command = [sys.executable, str(root / "tests" / "chaos" / "run.py")]
    asked = ["--seed", str(seed), "--minutes", str(minutes), "--rate", str(rate)]
    raise typer.Exit(subprocess.run([*command, *asked], cwd=root, check=False).returncode)
