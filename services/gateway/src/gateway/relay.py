"""The relay: moves the outbox to the bus, in order, and forgets a row only when the stream has stored it."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence

from opentelemetry import context, propagate

from common import telemetry
from common.streams import stream_of
from gateway.bus import BusAway, Publisher
from gateway.database import Database, DatabaseAway
from gateway.metrics import RELAYED
from gateway.repositories.outbox import OutboxRepository, OutboxRow

RETRY_S = 0.5

log = logging.getLogger(__name__)


class Relay:
    """Several may run: each row is locked by the one that sends it."""

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        wake: asyncio.Event,
        *,
        batch: int,
        poll_s: float,
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._wake = wake
        self._batch = batch
        self._poll_s = poll_s

    async def run(self) -> None:
        """Endless; woken by `wake`, and by the clock for rows that other processes wrote."""
        while True:
            try:
                moved = await self.flush()
            except (BusAway, DatabaseAway) as error:
                log.warning("the outbox waits", extra={"error": error.code})
                await asyncio.sleep(RETRY_S)
                continue
            if moved < self._batch:
                await self._rest()

    async def flush(self) -> int:
        """Send one batch; how many rows went out.

        Raises:
            BusAway: some did not; those that did are gone from the outbox.
            DatabaseAway: nothing is known to be removed, the batch goes out again under the same message ids.
        """
        async with self._database.transaction() as connection:
            repository = OutboxRepository(connection)
            rows = await repository.claim(self._batch)
            if not rows:
                return 0
            results = await asyncio.gather(*map(self._send, rows), return_exceptions=True)
            sent = [row.id for row, result in zip(rows, results, strict=True) if result is None]
            if sent:
                await repository.remove(sent)
        RELAYED.inc(len(sent))
        self._raise_first(results)
        return len(sent)

    async def _send(self, row: OutboxRow) -> None:
        headers = dict(row.headers)
        headers["Nats-Msg-Id"] = row.message_id
        template = row.subject.rpartition(".")[0]
        with _trace_of(headers), telemetry.publishing(template):
            telemetry.inject(headers)
            await self._publisher.promise(
                row.subject, row.payload, headers, stream=stream_of(row.subject)
            )

    @staticmethod
    def _raise_first(results: Sequence[BaseException | None]) -> None:
        for result in results:
            if result is not None:
                raise result

    async def _rest(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), self._poll_s)
        self._wake.clear()


@contextlib.contextmanager
def _trace_of(headers: Mapping[str, str]) -> Iterator[None]:
    """Go on in the trace of the request that wrote the row, not in the relay's own."""
    token = context.attach(propagate.extract(headers))
    try:
        yield
    finally:
        context.detach(token)
