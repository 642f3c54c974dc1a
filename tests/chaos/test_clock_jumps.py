"""The wall clock of gateway and workers jumps an hour ahead and back: nothing ends early, nothing is out of order.

Deadlines are kept by PostgreSQL's clock and waiting by monotonic clocks, so nobody's wall clock decides anything.
"""

import asyncio
import os
from pathlib import Path

import pytest

from common.testing import postgres_server
from rig import REFUND, finished, running_stack, submit

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not os.environ.get("SIMULATOR_LONG"), reason="long: set SIMULATOR_LONG=1"),
]

LIBRARY = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
JUMPS = ("+0", "+3600", "-3600", "+1800", "+0")


@pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed (Debian: libfaketime)")
async def test_clocks_that_jump_end_nothing_early_and_disorder_nothing(tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    clock.write_text(JUMPS[0])
    with postgres_server() as database:
        environment = {
            "SIMULATOR_DATABASE_URL": database.url,
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
        with running_stack(environment) as stack:
            async with stack.client() as client:
                ids = []
                for jump in JUMPS:
                    for number in range(4):
                        text = f"{REFUND} Clock {jump}, case {number}."
                        made = await submit(client, text, options={"tasks": 20})
                        ids.append(made["simulation_id"])
                    clock.write_text(jump)  # while they run
                    await asyncio.sleep(1.5)
                stamps = set()
                for simulation_id in ids:
                    done = await finished(client, simulation_id, 60)
                    assert done["status"] == "completed", done
                    page = (await client.get(f"/simulations/{simulation_id}/events")).json()
                    seqs = [event["seq"] for event in page["events"]]
                    assert seqs == list(range(1, len(seqs) + 1))
                    kinds = [event["event_type"] for event in page["events"]]
                    assert kinds.count("simulation_completed") == 1
                    assert kinds[-1] == "simulation_completed"
                    stamps |= {event["timestamp"][:13] for event in page["events"]}
                again = await client.get("/health/ready")
    assert again.status_code == 200
    assert len(stamps) <= 2, "what is stored is stamped by the database, whose clock did not jump"
