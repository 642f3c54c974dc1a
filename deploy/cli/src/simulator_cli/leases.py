"""Which commands use the stack of a data directory right now, so that none pulls it from under another."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Leases:
    """One locked file per command. The lock goes with the process, so a killed command holds nothing."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "commands"

    @contextmanager
    def hold(self) -> Iterator[None]:
        """This command uses the stack for the length of the block."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / str(os.getpid())
        with file.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            try:
                yield
            finally:
                file.unlink(missing_ok=True)

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Only one command looks and starts at a time; the next finds what the first has started."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "start.lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield

    def others(self) -> int:
        """How many other commands use it. Files that nobody holds are removed."""
        own = str(os.getpid())
        files = [file for file in self._folder.glob("[0-9]*") if file.name != own]
        return sum(_is_held(file) for file in files)


def _is_held(file: Path) -> bool:
    try:
        with file.open() as probe:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    file.unlink(missing_ok=True)
    return False
