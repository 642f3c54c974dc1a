"""The real llama.cpp server with a tiny random model, for tests: transport, grammar, slots and limits are real.

It lives in a Python of its own (its wheels are large): `pip install xllamacpp gguf numpy` there, name that Python in
`SIMULATOR_LLM_PEER_PYTHON` and the folder of the two scripts in `SIMULATOR_LLM_PEER_TOOLS`.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.embedded.launch import free_port

PYTHON, TOOLS = "SIMULATOR_LLM_PEER_PYTHON", "SIMULATOR_LLM_PEER_TOOLS"
HINT = f"no llama.cpp peer: pip install xllamacpp gguf numpy in a venv of its own; set {PYTHON} and {TOOLS}"
_START_WITHIN_S = 20.0


def is_there() -> bool:
    """Whether both variables lead to what is needed."""
    python, tools = os.environ.get(PYTHON, ""), os.environ.get(TOOLS, "")
    return Path(python).is_file() and (Path(tools) / "peer_llama_server.py").is_file()


def make_model(directory: Path) -> Path:
    """A model file of half a megabyte with random weights."""
    model = directory / "tiny.gguf"
    script = str(Path(os.environ[TOOLS]) / "make_tiny_gguf.py")
    subprocess.run(  # noqa: S603 - our own scripts
        (os.environ[PYTHON], script, str(model)), check=True, capture_output=True
    )
    return model


@contextmanager
def llama_server(
    model: Path, *, slots: int = 2, context: int = 8_192, waits: bool = True
) -> Iterator[str]:
    """A running server's address (`…/v1`); with `waits` false it may still be loading."""
    port = free_port()
    script = str(Path(os.environ[TOOLS]) / "peer_llama_server.py")
    argv = (os.environ[PYTHON], script, str(model), "--port", str(port))
    more = ("--slots", str(slots), "--ctx", str(context), "--seconds", "900")
    with subprocess.Popen(  # noqa: S603 - our own scripts
        (*argv, *more), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            if waits:
                _wait_until_ready(server)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.kill()


def _wait_until_ready(server: "subprocess.Popen[str]") -> None:
    assert server.stdout is not None
    end = time.monotonic() + _START_WITHIN_S
    for line in server.stdout:
        if line.startswith("READY"):
            return
        if time.monotonic() > end:
            break
    raise TimeoutError("the llama.cpp peer did not start")
