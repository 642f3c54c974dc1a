"""Dashboards and alerts ask only for what is measured; a real Prometheus answers them where one is installed."""

import asyncio
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

import gateway.metrics  # noqa: F401 - registers what the gateway counts
from common import exposition
from common.embedded.launch import free_port
from common.settings import WorkerSettings
from common.streams import WORKERS
from common.worker import connect
from gateway.standing import exposition as standing
from rig import finished, running_stack, submit

ROOT = Path(__file__).parents[2]
PROMETHEUS = shutil.which("prometheus")

STATUS = {
    "workers": [{"worker": "planner", "alive": True}, {"worker": "planner", "alive": False}],
    "consumers": [
        {
            "stream": "SIMULATIONS",
            "consumer": "planner",
            "pending": 3,
            "unacknowledged": 1,
            "redelivered": 0,
        }
    ],
    "bus": {"connected": True},
    "simulations": {"completed": 2},
    "outbox": {"rows": 4, "oldest_age_s": 0.5},
    "models": {
        "by": [
            {
                "agent": "planner",
                "provider": "ollama",
                "model": "m",
                "calls": 2,
                "failed": 1,
                "reused": 0,
                "cost_usd": None,
            },
            {
                "agent": "planner",
                "provider": "openrouter",
                "model": "n",
                "calls": 1,
                "failed": 0,
                "reused": 0,
                "cost_usd": 0.2,
            },
        ]
    },
}


def load():
    spec = importlib.util.spec_from_file_location(
        "make_dashboards", ROOT / "deploy/grafana/make_dashboards.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


dashboards = load()


def dashboard_queries() -> list[str]:
    return [
        q
        for _, panels in dashboards.DASHBOARDS.values()
        for panel in panels
        for q in panel.queries.values()
    ]


def alert_queries() -> list[str]:
    groups = yaml.safe_load((ROOT / "deploy/helm/simulator/alerts.yaml").read_text())["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def samples(text: str) -> dict[tuple[str, frozenset], float]:
    families = text_string_to_metric_families(text)
    return {
        (s.name, frozenset(s.labels.items())): s.value
        for family in families
        for s in family.samples
    }


async def measured() -> set[str]:
    """Every name a scrape of a gateway and of a worker can hold."""
    bus = connect("planner", WorkerSettings())
    worker = {m.name for m in exposition._Collector(bus, lambda: 1).collect()}
    gateway_names = {m.name for m in REGISTRY.collect()} | {
        name for name, _ in samples(standing(STATUS).decode())
    }
    suffixes = ("", "_total", "_bucket", "_sum", "_count")
    return {f"{name}{suffix}" for name in worker | gateway_names for suffix in suffixes} | {"up"}


async def test_every_metric_that_is_asked_for_is_measured():
    known = await measured()
    for query in (*dashboard_queries(), *alert_queries()):
        bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]|by \([^)]*\)', "", query)
        asked = set(
            re.findall(
                r"\b(?:gateway|worker|workers|bus|outbox|record|models|up)(?:_[a-z_]+)?\b", bare
            )
        )
        assert asked, query
        assert asked <= known, query


def test_the_dashboards_are_what_the_code_makes():
    for path, text in dashboards.files().items():
        assert path.read_text() == text, f"python deploy/grafana/make_dashboards.py: {path.name}"
    assert {path.name for path in (dashboards.HERE / "dashboards").iterdir()} == {
        p.name for p in dashboards.files()
    }


def test_what_stands_is_told_and_what_is_unknown_is_left_out():
    told = samples(standing(STATUS).decode())

    assert (
        told[
            "bus_consumer_pending", frozenset({("stream", "SIMULATIONS"), ("consumer", "planner")})
        ]
        == 3
    )
    assert told["workers_alive", frozenset({("worker", "planner")})] == 1
    assert told["workers_alive", frozenset({("worker", "mapper")})] == 0
    costs = {
        dict(labels)["model"]: value
        for (name, labels), value in told.items()
        if name == "models_cost_usd_today"
    }
    assert costs == {"n": 0.2}

    unknown = STATUS | {"consumers": None, "simulations": None, "outbox": None, "models": None}
    names = {name for name, _ in samples(standing(unknown).decode())}
    assert names == {"gateway_bus_connected", "workers_alive"}


@contextmanager
def prometheus(directory: Path, targets: dict[str, list[str]]):
    """A Prometheus of its own that scrapes `targets` every second."""
    port = free_port()
    jobs = [
        {"job_name": job, "static_configs": [{"targets": found}]} for job, found in targets.items()
    ]
    (directory / "prometheus.yml").write_text(
        json.dumps(
            {
                "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                "rule_files": [str(ROOT / "deploy/helm/simulator/alerts.yaml")],
                "scrape_configs": jobs,
            }
        )
    )
    process = subprocess.Popen(
        [
            str(PROMETHEUS),
            f"--config.file={directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ]
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.e2e
@pytest.mark.skipif(
    PROMETHEUS is None, reason="no prometheus on the path (Debian: apt install prometheus)"
)
async def test_a_real_prometheus_answers_every_dashboard(tmp_path):
    ports = {worker: free_port() for worker in WORKERS}
    with running_stack(
        {f"{worker.upper()}_METRICS_PORT": str(port) for worker, port in ports.items()}
    ) as stack:
        targets = {
            "gateway": [stack.base_url.removeprefix("http://")],
            "workers": [f"127.0.0.1:{port}" for port in ports.values()],
        }
        with prometheus(tmp_path, targets) as url:
            async with (
                stack.client() as client,
                httpx2.AsyncClient(base_url=url, trust_env=False) as asked,
            ):
                for _ in range(100):  # the first scrape comes before the first work, as in life
                    try:
                        up = (await asked.get("/api/v1/query", params={"query": "up == 1"})).json()[
                            "data"
                        ]["result"]
                    except (httpx2.HTTPError, KeyError, ValueError):
                        up = []
                    if len(up) == 1 + len(WORKERS):
                        break
                    await asyncio.sleep(0.2)
                assert len(up) == 1 + len(WORKERS)
                for _ in range(4):
                    body = await submit(client, options={"tasks": 20})
                    await finished(client, body["simulation_id"])
                await asyncio.sleep(3)
                empty = [query for query in dashboard_queries() if not await answered(asked, query)]
                firing = (await asked.get("/api/v1/alerts")).json()["data"]["alerts"]

    # Nothing failed, was closed, reaped or asked of a model: series that do not exist yet have no answer.
    quiet = r'state="failed"|sockets|reemitted|models_'
    assert [query for query in empty if not re.search(quiet, query)] == []
    assert [alert["labels"]["alertname"] for alert in firing if alert["state"] == "firing"] == []


async def answered(asked: httpx2.AsyncClient, query: str) -> bool:
    expression = query.replace("$__rate_interval", "30s")
    answer = await asked.get("/api/v1/query", params={"query": expression})
    assert answer.status_code == 200, (query, answer.text)
    return bool(answer.json()["data"]["result"])
