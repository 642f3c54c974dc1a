"""Running the gateway as a process: schema, event loop, signals, an orderly end."""

import asyncio
import contextlib
import logging
import signal
import socket
import uuid
from collections.abc import Generator

import uvicorn
import uvloop
from fastapi import FastAPI

from common import logs, telemetry
from gateway.app import make_app
from gateway.migrations import upgrade
from gateway.process import Gateway
from gateway.settings import GatewaySettings

DRAIN_S = 0.3
"""Time for sockets to get their close frame before the server shuts the connections."""
MAX_SOCKET_BYTES = 64 * 1024

_BAD_TEXT = "Invalid UTF-8 sequence received from client."

log = logging.getLogger(__name__)


def plain_client_faults(record: logging.LogRecord) -> bool:
    """Filter: uvicorn logs a client's invalid UTF-8 (closed with 1007) as an error of ours, with a traceback."""
    if record.msg == _BAD_TEXT:
        record.levelno, record.levelname, record.exc_info = logging.WARNING, "WARNING", None
    return True


def without_addresses(record: logging.LogRecord) -> bool:
    """Filter: uvicorn's lines on websockets hold the whole address, with the ticket in it; we count them instead."""
    return "WebSocket %s" not in str(record.msg)


class GracefulServer(uvicorn.Server):
    """Sends readers away with our own close code first, and exits with 0 after a signal."""

    def __init__(self, config: uvicorn.Config, gateway: Gateway) -> None:
        super().__init__(config)
        self._gateway = gateway

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """As uvicorn's, without raising the signal again: a requested stop is not a crash."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._gateway.drain()
        await asyncio.sleep(DRAIN_S)
        await super().shutdown(sockets)


def serve(settings: GatewaySettings) -> None:
    """Run until SIGTERM or SIGINT."""
    logs.setup("gateway", settings.log_level)
    provider = telemetry.setup("simulator-gateway", f"gateway-{uuid.uuid4().hex[:8]}")
    upgrade(settings.dsn)
    logs.setup("gateway", settings.log_level)
    logging.getLogger("uvicorn.error").addFilter(plain_client_faults)
    logging.getLogger("uvicorn.error").addFilter(without_addresses)
    try:
        uvloop.run(_run(settings))
    finally:
        provider.shutdown()


async def _run(settings: GatewaySettings) -> None:
    gateway = Gateway(settings)
    await gateway.tenants.check_walls()
    log.warning(said_of_access(settings))
    if "http" not in settings.roles:
        await _run_without_http(gateway)
        return
    config = socket_config(make_app(gateway), settings.host, settings.port, settings)
    await GracefulServer(config, gateway).serve()


def said_of_access(settings: GatewaySettings) -> str:
    """Who may call, for the log at start."""
    if not settings.is_open:
        return "every caller needs an API key (python -m gateway.access create)"
    return "open: whoever reaches this port on this machine may read and change everything, without a key"


def socket_config(app: FastAPI, host: str, port: int, settings: GatewaySettings) -> uvicorn.Config:
    """How `app` is served: bounded frames, no compression, no access log, a bounded end."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="none",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=MAX_SOCKET_BYTES,
        access_log=False,
        log_config=None,
        server_header=False,
        # A forwarded address would let any local process say that it is somebody else.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=settings.shutdown_grace_s,
    )


async def _run_without_http(gateway: Gateway) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    await gateway.start()
    await stopping.wait()
    await gateway.stop()
