"""Schemathesis over the whole OpenAPI of a fresh stack: every phase, valid and invalid data.

Schemathesis is not a dependency of the project; it lives in an environment of its own:

    uv venv .fuzz && uv pip install --python .fuzz/bin/python 'schemathesis>=4.32,<4.33'
    python tests/fuzz/run.py --st .fuzz/bin/st --examples 25 --seed 1      (short, about one minute)
    python tests/fuzz/run.py --st .fuzz/bin/st --examples 250 --seed 2     (long, more than 10,000 cases, three minutes)

The exit code is Schemathesis's; 1 also when the gateway's log holds a traceback.
"""

import argparse
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from rig import Stack, running_stack

CONFIG = Path(__file__).with_name("schemathesis.toml")
UNEXPECTED = "unexpected error"
"""What the gateway logs with the traceback of an exception nobody foresaw."""


def command(st: str, base_url: str, *, examples: int, seed: int) -> list[str]:
    """How Schemathesis is called."""
    return [
        *(st, "--config-file", str(CONFIG), "run", f"{base_url}/openapi.json"),
        *("--phases", "examples,coverage,fuzzing,stateful", "--mode", "all"),
        *("--max-examples", str(examples), "--seed", str(seed), "--workers", "2"),
        *("--request-timeout", "15", "--continue-on-failure", "--no-color"),
        *("--generation-database", "none"),
    ]


def tracebacks(stack: Stack) -> list[str]:
    """Lines of the gateway's log that tell of an unforeseen exception."""
    return [line[:400] for line in stack.log("gateway").splitlines() if UNEXPECTED in line]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--st", default="st")
    parser.add_argument("--examples", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with running_stack() as stack:
        asked = command(given.st, stack.base_url, examples=given.examples, seed=given.seed)
        code = subprocess.run(asked, check=False).returncode
        found = tracebacks(stack)
    for line in found:
        print(line)
    print(f"{len(found)} unforeseen errors in the gateway's log")
    return code or bool(found)


if __name__ == "__main__":
    sys.exit(main())
