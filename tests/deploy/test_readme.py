"""The README does what it says: its shell lines run on a stack, its settings and links are there."""

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest

from rig import Stack, running_stack

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
_STRICT = 'set -euo pipefail\ncurl() { command curl --fail-with-body "$@"; echo; }\n'


def script(name: str) -> str:
    """The block "```sh NAME"."""
    (found,) = re.findall(rf"```sh {name}\n(.*?)```", README, re.DOTALL)
    return str(found)


def run(stack: Stack, lines: str) -> str:
    """What `lines` print. Every curl that is answered with an error, and every failing command, fails the test."""
    done = subprocess.run(
        [
            "bash",
            "-c",
            _STRICT + lines.replace("http://", "").replace("localhost:8000", stack.base_url),
        ],
        cwd=ROOT,
        env=os.environ | {"SIMULATOR_DATA_DIR": str(stack.data_dir), "no_proxy": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.e2e
def test_the_tour_of_the_api_runs_as_it_stands() -> None:
    with running_stack() as stack:
        said = run(stack, script("api"))

    assert '"event_type":"simulation_completed"' in said
    assert "StateGraph" in said
    assert '"delta' in said


@pytest.mark.e2e
def test_the_lines_about_keys_run_as_they_stand() -> None:
    with running_stack({"GATEWAY_AUTH": "required"}) as stack:
        said = run(stack, script("keys") + 'echo "ticket $TICKET"\n./simulator keys list')

    assert re.search(r"ticket tk_\S{43}", said)
    assert len(re.findall(r"^\w{8}  good +acme ", said, re.MULTILINE)) == 1
    assert len(re.findall(r"^\w{8}  revoked +acme ", said, re.MULTILINE)) == 1


def test_settings_are_told_with_the_defaults_they_have() -> None:
    rows = re.findall(r"^\| (`[A-Z_`, ]+`) \| (?:`([^`]*)`)? ?\|", README, re.MULTILINE)
    examples = (ROOT / ".env.example").read_text()
    known = dict(re.findall(r"^# ([A-Z][A-Z_]+)=([^ \n]*)", examples, re.MULTILINE))
    of_the_command = {"SIMULATOR_DATA_DIR", "SIMULATOR_NATS_URL", "SIMULATOR_DATABASE_URL"}
    of_compose = {"OTEL_EXPORTER_OTLP_ENDPOINT", "LLM_OLLAMA__BASE_URL"}
    """What stands there is what to set, not what it is."""

    told = {name: default for names, default in rows for name in re.findall(r"[A-Z_]{4,}", names)}

    assert len(told) > 20
    for name, default in told.items():
        if name not in of_the_command | of_compose:
            assert known[name] == default, name


@pytest.mark.parametrize(
    "page", ["README.md", *sorted(p.name for p in (ROOT / "docs").glob("*.md"))]
)
def test_links_within_the_repository_lead_somewhere(page: str) -> None:
    path = ROOT / page if page == "README.md" else ROOT / "docs" / page
    targets = re.findall(r"\]\((?!https?:|mailto:)([^)\s#]+)", path.read_text())

    assert [t for t in targets if not (path.parent / unquote(t)).exists()] == []
