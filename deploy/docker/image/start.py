"""The image's entry point: defaults of a container, secrets from files, then the service itself as process 1.

Without arguments the image's own service runs; with arguments, that module (`migrate` step: `gateway.migrations`).
Every variable that is set wins over the defaults. `X_FILE` is read into `X`, as in the official database images.
"""

import os
import sys
from pathlib import Path

METRICS_PORT = "9100"
_KEYS = Path("/run/keys")
_FILE = "_FILE"


def environment(given: dict[str, str], service: str, keys: Path = _KEYS) -> dict[str, str]:
    """What the process gets: `given`, the container's defaults, and what the key files say.

    Raises:
        OSError: a file that was asked for cannot be read.
    """
    prefix = service.upper()
    made = defaults(prefix, service) | given
    for name in [name for name in made if name.endswith(_FILE) and name.startswith(f"{prefix}_")]:
        made.setdefault(name.removesuffix(_FILE), Path(made.pop(name)).read_text().strip())
    for file in sorted(keys.glob("*")) if keys.is_dir() else ():
        made.setdefault(f"{prefix}_{file.name.upper()}", file.read_text().strip())
    return made


def defaults(prefix: str, service: str) -> dict[str, str]:
    """Containers listen on all their addresses: who reaches them is the network's business."""
    shared = {f"{prefix}_NATS_URL": "nats://nats:4222", f"{prefix}_NATS_USER": service}
    if service == "gateway":
        return shared | {"GATEWAY_HOST": "0.0.0.0", "GATEWAY_PORT": "8000"}  # noqa: S104 - a container's own
    own = {f"{prefix}_METRICS_HOST": "0.0.0.0", f"{prefix}_METRICS_PORT": METRICS_PORT}  # noqa: S104
    return shared | own


if __name__ == "__main__":
    service = os.environ["SERVICE"]
    module, *arguments = sys.argv[1:] or [service]
    environ = environment(dict(os.environ), service)
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], environ)  # noqa: S606
