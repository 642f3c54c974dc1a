"""The chart says the same as the code: every worker, its consumer, its user on the bus. Rendering: render_chart.py."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
import yaml

from common.permissions import permissions
from common.streams import CONSUMERS, WORKERS

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/simulator"


def read(name: str):
    return yaml.safe_load((CHART / name).read_text())


def test_every_worker_is_deployed_and_scales_by_its_own_consumer():
    workers = read("values.yaml")["workers"]

    streams = {spec.durable: spec.stream for spec in CONSUMERS if spec.durable in WORKERS}
    assert {name: worker["stream"] for name, worker in workers.items()} == streams


def test_the_bus_of_the_chart_has_the_users_and_permissions_of_the_code():
    spec = importlib.util.spec_from_file_location(
        "chart_values", ROOT / "deploy/nats/chart_values.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    assert read("values-bus.yaml") == json.loads(json.dumps(module.values()))
    users = read("values-bus.yaml")["nats"]["config"]["merge"]["authorization"]["users"]
    assert {user["user"] for user in users} == permissions().keys()


def test_the_bus_of_the_chart_syncs_every_write():
    config = read("values-bus.yaml")["nats"]["config"]

    assert config["jetstream"]["merge"] == {"sync_interval": "always"}
    assert config["cluster"]["replicas"] >= read("values.yaml")["bus"]["replicas"]


def test_every_alert_says_what_to_do_and_where_to_read_on():
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").strip().lower()).replace(" ", "-")
        for line in (ROOT / "docs/operations.md").read_text().splitlines()
        if line.startswith("#")
    }
    rules = [rule for group in read("alerts.yaml")["groups"] for rule in group["rules"]]

    assert len(rules) >= 10
    for rule in rules:
        runbook = rule["annotations"]["runbook"]
        assert runbook.rpartition("docs/operations.md#")[2] in headings, rule["alert"]


@pytest.mark.parametrize(
    "path", sorted((CHART / "templates").glob("*.yaml")), ids=lambda path: path.name
)
def test_no_template_puts_a_block_into_braces(path):
    """`{ a: {{- include … }} }` renders to lines that YAML cannot read."""
    bad = [
        line
        for line in path.read_text().splitlines()
        if re.search(r"\{ [^{]*\{\{-[^}]*nindent[^}]*\}\} \}", line)
    ]

    assert bad == []
