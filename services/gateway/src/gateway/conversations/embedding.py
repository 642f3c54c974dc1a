"""A local, deterministic vector of a text: stems hashed into 256 signed dimensions, of length 1.

Texts that share many stems lie near each other; meaning beyond the words is not seen. A provider's embedding may
take its place once one is configured (ADR 0010).
"""

import math
from collections import Counter
from hashlib import blake2b

from common.wording import stems

DIMENSIONS = 256
_EMPTY = frozenset(
    stems(
        "a an the of to in on at by for with from and or but is are be do does it its this that we our us can how "
        "should what which who as so not no more than then than into out up"
    )
)


def embed(text: str) -> list[float]:
    """The vector of a text; all zero dimensions become a constant, so that a length exists."""
    counts = Counter(stem for stem in stems(text) if stem not in _EMPTY)
    vector = [0.0] * DIMENSIONS
    for stem, count in counts.items():
        digest = int.from_bytes(blake2b(stem.encode(), digest_size=8).digest())
        sign = 1.0 if digest & 1 else -1.0
        vector[(digest >> 1) % DIMENSIONS] += sign * (1 + math.log(count))
    length = math.sqrt(sum(x * x for x in vector))
    return [x / length for x in vector] if length else [1.0, *vector[1:]]


def literal(vector: list[float]) -> str:
    """As pgvector reads it."""
    return "[" + ",".join(f"{x:.6g}" for x in vector) + "]"
