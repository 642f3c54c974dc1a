"""Random numbers by name: each (seed, source) has its own stream, so adding a source shifts no other.

Every array has one entry per task; a what-if draws the same numbers for the same task and compares like with like.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Whole = NDArray[np.int64]

_Z95 = 1.6448536269514722


class Draws:
    """Named streams for `n` tasks under one seed."""

    def __init__(self, seed: int, n: int) -> None:
        self.seed = seed
        self.n = n

    def stream(self, *name: str | int) -> np.random.Generator:
        """The generator of a source of randomness; the same name gives the same numbers again."""
        key = "|".join(map(str, (self.seed, *name))).encode()
        digest = hashlib.blake2b(key, digest_size=16).digest()
        return np.random.Generator(np.random.SFC64(int.from_bytes(digest, "little")))

    def uniform(self, *name: str | int) -> Floats:
        return self.stream(*name).random(self.n)


def sigma_of(p50: float, p95: float) -> float:
    """Sigma of a lognormal with this median and 95th percentile (costs.md 2: ln(p95/p50)/1.645)."""
    return float(np.log(p95 / p50) / _Z95) if p50 > 0 and p95 > p50 else 0.0
