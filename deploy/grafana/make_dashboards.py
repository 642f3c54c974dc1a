"""The dashboards as code:  python deploy/grafana/make_dashboards.py    writes them beside itself.

One row per question; `tests/deploy/test_watching.py` holds the JSON and every metric's name to the code.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SOURCE = {"type": "prometheus", "uid": "prometheus"}
WIDTH, HEIGHT = 8, 7


@dataclass(frozen=True, slots=True)
class Panel:
    """`queries` by legend; `unit` is Grafana's name of it."""

    title: str
    queries: dict[str, str]
    unit: str = "short"
    kind: str = "timeseries"
    about: str = ""


def quantile(share: float, metric: str, by: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return (
        f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket[$__rate_interval])))"
    )


def rate(metric: str, by: str) -> str:
    return f"sum by ({by}) (rate({metric}[$__rate_interval]))"


SIMULATIONS = (
    Panel(
        "Simulations a second",
        {
            "accepted": "sum(rate(gateway_simulations_accepted_total[$__rate_interval]))",
            "{{state}}": rate("gateway_simulations_ended_total", "state"),
        },
        "reqps",
        about="Accepted and ended run together when the pipeline keeps up.",
    ),
    Panel("On record, by state", {"{{state}}": "max by (state) (record_simulations)"}),
    Panel(
        "Share that fails",
        {
            "failed": 'sum(rate(gateway_simulations_ended_total{state="failed"}[$__rate_interval]))'
            " / sum(rate(gateway_simulations_ended_total[$__rate_interval]))"
        },
        "percentunit",
    ),
    Panel(
        "Stage results a second",
        {"{{stage}} {{verdict}}": rate("gateway_results_total", "stage, verdict")},
        "ops",
    ),
    Panel(
        "From result to commit",
        {
            "p50": quantile(0.5, "gateway_accept_seconds"),
            "p99": quantile(0.99, "gateway_accept_seconds"),
        },
        "s",
    ),
    Panel(
        "Stream events stored a second",
        {"events": "sum(rate(gateway_frames_stored_total[$__rate_interval]))"},
        "ops",
    ),
    Panel("Stream clients", {"{{kind}}": "sum by (kind) (gateway_sockets)"}),
    Panel(
        "Clients closed, by code", {"{{code}}": rate("gateway_sockets_closed_total", "code")}, "ops"
    ),
    Panel(
        "Outbox",
        {"rows": "max(outbox_rows)", "oldest, seconds": "max(outbox_oldest_age_seconds)"},
        about="Promises to the bus. More than a second means that NATS or the relay is away.",
    ),
)

WORKERS = (
    Panel("Processes alive", {"{{worker}}": "max by (worker) (workers_alive)"}),
    Panel("Rate: jobs a second", {"{{worker}}": rate("worker_handled_total", "worker")}, "ops"),
    Panel(
        "Errors: retried and given up a second",
        {
            "{{worker}} retried": rate("worker_retried_total", "worker"),
            "{{worker}} given up (DLQ)": rate("worker_given_up_total", "worker"),
            "{{worker}} malformed": rate("worker_malformed_total", "worker"),
        },
        "ops",
    ),
    Panel(
        "Duration: p50 of a job", {"{{worker}}": quantile(0.5, "worker_job_seconds", "worker")}, "s"
    ),
    Panel(
        "Duration: p99 of a job",
        {"{{worker}}": quantile(0.99, "worker_job_seconds", "worker")},
        "s",
    ),
    Panel(
        "Saturation: slots in use",
        {"{{worker}}": "sum by (worker) (worker_in_flight) / sum by (worker) (worker_slots)"},
        "percentunit",
    ),
    Panel(
        "Lag: waiting on the bus",
        {"{{consumer}}": "max by (consumer) (bus_consumer_pending)"},
        about="What KEDA scales by, less what is under way.",
    ),
    Panel(
        "Under way on the bus", {"{{consumer}}": "max by (consumer) (bus_consumer_unacknowledged)"}
    ),
    Panel(
        "Asked for again by the reaper",
        {"{{reason}}": rate("gateway_reemitted_total", "reason")},
        "ops",
    ),
    Panel("Memory of each process", {"{{worker}} {{instance}}": "worker_resident_bytes"}, "bytes"),
    Panel("Processor", {"{{worker}}": rate("worker_cpu_seconds_total", "worker")}, "percentunit"),
    Panel(
        "Redelivered a second", {"{{worker}}": rate("worker_redelivered_total", "worker")}, "ops"
    ),
)

MODELS = (
    Panel("Calls today", {"{{agent}} {{model}}": "max by (agent, model) (models_calls_today)"}),
    Panel("Failed today", {"{{agent}} {{model}}": "max by (agent, model) (models_failed_today)"}),
    Panel(
        "Spent today",
        {"{{provider}} {{model}}": "max by (provider, model) (models_cost_usd_today)"},
        "currencyUSD",
    ),
    Panel("Taken from the cache today", {"{{agent}}": "max by (agent) (models_reused_today)"}),
)

DASHBOARDS = {
    "simulations": ("Simulations", SIMULATIONS),
    "workers": ("Workers and the bus", WORKERS),
    "models": ("Models", MODELS),
}


def dashboard(uid: str, title: str, panels: tuple[Panel, ...]) -> dict[str, Any]:
    return {
        "uid": f"simulator-{uid}",
        "title": title,
        "tags": ["simulator"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "refresh": "5s",
        "time": {"from": "now-15m", "to": "now"},
        "templating": {"list": []},
        "annotations": {"list": []},
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    return {
        "id": number + 1,
        "title": panel.title,
        "description": panel.about,
        "type": panel.kind,
        "datasource": SOURCE,
        "gridPos": {"x": number % 3 * WIDTH, "y": number // 3 * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi"},
        },
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": SOURCE,
                "expr": query,
                "legendFormat": legend,
            }
            for index, (legend, query) in enumerate(panel.queries.items())
        ],
    }


def files() -> dict[Path, str]:
    """What is to stand in `dashboards`."""
    return {
        HERE / "dashboards" / f"{uid}.json": json.dumps(dashboard(uid, title, panels), indent=1)
        + "\n"
        for uid, (title, panels) in DASHBOARDS.items()
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text)
