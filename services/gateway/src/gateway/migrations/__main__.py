"""Bring the schema up to date as a step of its own: `python -m gateway.migrations` with `GATEWAY_DATABASE_URL`."""

from common import logs
from gateway.migrations import upgrade
from gateway.settings import GatewaySettings

if __name__ == "__main__":
    settings = GatewaySettings()
    logs.setup("migrate", settings.log_level)
    upgrade(settings.dsn)
