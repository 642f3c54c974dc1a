"""Prints the fault matrix as a table: what the server did, what the caller saw, how often was asked, how long it took.

Run it with `.venv/bin/python tests/bench/model_faults.py`; `docs/llm.md` holds its output.
"""

import asyncio
import importlib.util
import statistics
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from common.llm.connect import port_on
from common.llm.errors import ModelError
from common.llm.shared import in_memory
from common.llm.testing import says, scripted

_TESTS = Path(__file__).parents[2] / "libs" / "common" / "tests" / "test_llm_faults.py"


def _matrix() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fault_matrix", _TESTS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def _seen(matrix: Any, row: Any, *, neighbour: bool) -> tuple[str, int, float]:
    async with scripted(*row.replies) as server, scripted(says("fine")) as other:
        port = port_on(in_memory(), matrix.settings(server.url, other.url if neighbour else None))
        began = time.monotonic()
        try:
            answer = await port.complete(matrix.ask())
            said = f"answer from {answer.provider}"
        except ModelError as error:
            codes = ", ".join(tried.code for tried in error.tried)
            said = f"`{error.code}`" + (f" ({codes})" if codes else "")
        took_s = time.monotonic() - began
        await port.aclose()
        return said, len(server.calls), took_s


async def _overhead() -> float:
    """Median seconds of a call to a server that answers at once."""
    matrix: Any = _matrix()
    async with scripted(says("fine")) as server:
        port = port_on(in_memory(), matrix.settings(server.url))
        port.reuses = False
        took = []
        for _ in range(60):
            began = time.monotonic()
            await port.complete(matrix.ask())
            took.append(time.monotonic() - began)
        await port.aclose()
    return statistics.median(took[10:])


async def main() -> None:
    matrix: Any = _matrix()
    overhead_s = await _overhead()  # first: it also imports what a first call imports
    print(
        "| the server | alone: requests | alone: the caller sees | s | with a second provider | s |"
    )
    print("|---|---:|---|---:|---|---:|")
    for row in matrix.MATRIX:
        alone, calls, alone_s = await _seen(matrix, row, neighbour=False)
        both, _, both_s = await _seen(matrix, row, neighbour=True)
        print(f"| {row.name} | {calls} | {alone} | {alone_s:.2f} | {both} | {both_s:.2f} |")
    print(f"\nA call to a server that answers at once: {overhead_s * 1000:.1f} ms (median of 50).")


if __name__ == "__main__":
    asyncio.run(main())
