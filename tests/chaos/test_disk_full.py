"""A disk that is full: nothing is accepted that is not kept, callers are told to come back, and space heals it."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from chaos.judge import judge, settled
from chaos.ledger import Ledger
from chaos.load import Load
from rig import Stack, finished, running_stack, submit

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not os.environ.get("SIMULATOR_LONG"), reason="long: set SIMULATOR_LONG=1"),
]

FULL_S = 12.0
HEALED_WITHIN_S = 60.0
"""The goal is 30 s on an idle machine; the suite does not have one to itself."""


@contextmanager
def small_disk(at: Path, megabytes: int) -> Iterator[None]:
    """A file system of its own under `at`; skips where nobody may mount one."""
    at.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(at)]
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root may mount a small disk")
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=False)


def fill(disk: Path) -> Path:
    """Write until nothing goes in any more; the file that takes the space."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as out:
        try:
            while out.write(b"\0" * 65_536):
                pass
        except OSError:
            pass
    return ballast


@contextmanager
def stack_on_small_disk(part: str, megabytes: int) -> Iterator[tuple[Stack, Path]]:
    root = Path(tempfile.mkdtemp(prefix="sim-disk-"))
    with ExitStack() as held:
        held.callback(shutil.rmtree, root, ignore_errors=True)
        held.enter_context(small_disk(root / part, megabytes))
        yield held.enter_context(running_stack(data_dir=root)), root / part


@pytest.mark.parametrize(("part", "megabytes"), [("nats", 48), ("postgres", 260)])
async def test_a_full_disk_loses_nothing_and_heals_when_there_is_space_again(
    part: str, megabytes: int
) -> None:
    with stack_on_small_disk(part, megabytes) as (stack, disk):
        async with stack.client() as client:
            await finished(client, (await submit(client))["simulation_id"])
        ledger = Ledger(stack.data_dir / "ledger.jsonl")
        load = Load(stack, ledger, rate_per_s=2.0)
        submitting = asyncio.create_task(load.run(f"full-{part}"))
        await asyncio.sleep(2)
        ballast = await asyncio.to_thread(fill, disk)
        await asyncio.sleep(FULL_S)
        ballast.unlink()
        freed = asyncio.get_running_loop().time()
        async with stack.client() as client, asyncio.timeout(HEALED_WITHIN_S):
            probe = await submit(client, key=f"probe-{part}")
            await finished(client, probe["simulation_id"], HEALED_WITHIN_S)
        healed_s = asyncio.get_running_loop().time() - freed
        submitting.cancel()
        await asyncio.gather(submitting, return_exceptions=True)
        await settled(stack, ledger.read(), 200)
        await load.rest(30)
        count = await judge(stack, ledger.read(), load.transcripts)

    print(
        f"\n{part} full for {FULL_S:.0f} s: {count}, healed after {healed_s:.1f} s, {load.answers}"
    )
    assert count.is_clean
    assert count.promised >= 4
    assert load.given_up == 0
    assert load.answers.bare_503 == 0
    assert not {status for status in load.answers.statuses if status.startswith("50")} - {"503"}
