"""One supervised process: started, watched, restarted with backoff, stopped in good order."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from common.embedded.launch import Launch
from simulator_cli.stack.layout import ServiceStatus

logger = logging.getLogger(__name__)

FIRST_DELAY_S = 0.2
LAST_DELAY_S = 10.0
STEADY_AFTER_S = 10.0
"""A process that lived this long starts again with the first delay."""
MAX_RESTARTS = 10
RESTART_WINDOW_S = 60.0
MAX_LOG_BYTES = 20 * 1024 * 1024


class Supervised:
    """`changed` is called whenever the state does."""

    def __init__(
        self,
        name: str,
        instance: str,
        launch: Callable[[], Launch],
        log: Path,
        changed: Callable[[], None],
    ) -> None:
        self.name = name
        self.instance = instance
        self._launch = launch
        self._launched: Launch = Launch(argv=())
        self._log = log
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._state = "starting"
        self._restarts = 0
        self._exit_code: int | None = None
        self._started_s = 0.0
        self._ends: deque[float] = deque(maxlen=MAX_RESTARTS)

    @property
    def status(self) -> ServiceStatus:
        return ServiceStatus(
            name=self.name,
            instance=self.instance,
            pid=self._process.pid if self._process and self._state == "running" else None,
            state=self._state,
            restarts=self._restarts,
            started_at_s=self._started_s or None,
            exit_code=self._exit_code,
        )

    def start(self) -> None:
        self._task = asyncio.create_task(self._supervise())

    async def stop(self) -> None:
        """Ask it to stop, wait as long as its launch allows, then kill it."""
        self._stopping = True
        await self.renew()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._become("stopped")

    async def renew(self) -> None:
        """End the process that runs now; unless it is to stop, another takes its place."""
        process, launch = self._process, self._launched
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(launch.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), launch.stop_within_s)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _supervise(self) -> None:
        delay_s = FIRST_DELAY_S
        while not self._stopping:
            await self._run_once()
            if self._stopping:
                return
            lived_s = time.time() - self._started_s
            self._ends.append(time.monotonic())
            if self._too_often():
                self._become("failed")
                logger.error("%s ends again and again; see %s", self.instance, self._log)
                return
            delay_s = FIRST_DELAY_S if lived_s > STEADY_AFTER_S else min(delay_s * 2, LAST_DELAY_S)
            self._become("waiting")
            logger.warning(
                "%s ended with %s, again in %.1f s", self.instance, self._exit_code, delay_s
            )
            await asyncio.sleep(delay_s)
            self._restarts += 1

    async def _run_once(self) -> None:
        launch = self._launched = self._launch()
        _rotate(self._log)
        with self._log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *launch.argv,
                env=dict(launch.env) if launch.env is not None else None,
                cwd=launch.cwd,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=launch.before_exec,
                # Ctrl-C reaches the supervisor alone; it stops its children in order.
                start_new_session=True,
            )
        self._started_s = time.time()
        self._become("running")
        self._exit_code = await self._process.wait()

    def _too_often(self) -> bool:
        return len(self._ends) == MAX_RESTARTS and self._ends[-1] - self._ends[0] < RESTART_WINDOW_S

    def _become(self, state: str) -> None:
        self._state = state
        self._changed()


def _rotate(log: Path) -> None:
    """Keep one older file, so that a process which ends for ever does not fill the disk."""
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
