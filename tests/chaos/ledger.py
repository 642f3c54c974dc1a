"""What was promised to the client, on disk before anything else happens: the judge believes this and nothing else."""

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from chaos.kinds import Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One accepted request. `accepted_s` is Unix time; `fault` is what was going on when it was asked for."""

    kind: Name
    record_id: str
    key: str
    fault: str
    accepted_s: float


class Ledger:
    """One line per promise, fsynced; it is read back from the file, not from memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a")

    def write(self, kind: Name, record_id: str, key: str, fault: str) -> None:
        promise = Promise(
            kind=kind, record_id=record_id, key=key, fault=fault, accepted_s=time.time()
        )
        self._file.write(json.dumps(asdict(promise)) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def read(self) -> list[Promise]:
        return [Promise(**json.loads(line)) for line in self._path.read_text().splitlines()]
