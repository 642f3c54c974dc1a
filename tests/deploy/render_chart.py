"""Lint and render deploy/helm/simulator with the Helm library (PyPI: helm-python-sdk), and print the manifests as JSON.

    python render_chart.py CHART_DIR      (the directory of `helm_python` on PYTHONPATH; the subchart may be a stub)

Kept apart from the tests: the library is a large binary, so it runs where somebody installs it, best in a container
without a network. `helm template` gives the same.
"""

import json
import sys
from pathlib import Path
from typing import Any

import helm_python  # type: ignore[import-not-found]  # installed only where charts are rendered

CASES: dict[str, dict[str, Any]] = {
    "defaults": {"database": {"existingSecret": "db"}},
    "one-gateway": {
        "database": {"url": "postgresql://u:p@db:5432/simulator"},
        "bus": {"url": "nats://elsewhere:4222", "monitoring": "elsewhere:8222", "replicas": 1},
        "nats": {"enabled": False},
        "autoscaling": {"enabled": False},
        "networkPolicy": {"enabled": False},
        "gateway": {
            "deployments": {
                "http": {
                    "roles": ["http", "relay", "projector", "reaper"],
                    "serves": True,
                    "min": 1,
                    "max": 1,
                    "cpu": "1",
                    "memory": "512Mi",
                },
                "background": None,
            }
        },
    },
    "everything": {
        "database": {"existingSecret": "db"},
        "telemetry": {
            "otlpEndpoint": "http://collector:4318",
            "podMonitor": True,
            "metricsKeySecret": "metrics-key",
            "rules": True,
        },
        "ingress": {"enabled": True, "className": "nginx", "tlsSecret": "tls"},
        "networkPolicy": {"modelsTo": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]},
        "gateway": {"trustedProxies": ["10.0.0.0/8"], "env": {"GATEWAY_RATE_WRITES": "60/minute"}},
        "worker": {
            "env": {"LLM_PROFILE": "production"},
            "envFrom": [{"secretRef": {"name": "models"}}],
        },
        "image": {
            "prefix": "registry.example/simulator-",
            "tag": "7",
            "pullSecrets": [{"name": "pull"}],
        },
    },
}
REFUSED: dict[str, dict[str, Any]] = {
    "no database": {},
    "unknown key": {"database": {"existingSecret": "db", "urll": "x"}},
    "metrics without a key": {
        "database": {"existingSecret": "db"},
        "telemetry": {"podMonitor": True},
    },
    "two copies": {"database": {"existingSecret": "db"}, "bus": {"replicas": 2}},
    "unknown role": {
        "database": {"existingSecret": "db"},
        "gateway": {
            "deployments": {"http": {"roles": ["htp"], "serves": True, "min": 1, "max": 1}}
        },
    },
}


def main(path: str) -> int:
    chart = helm_python.Chart.load(path)
    bad = [
        f"lint {name}: {message}"
        for name, values in CASES.items()
        for message in helm_python.lint(path, values, strict=True, kube_version="v1.33.0")[
            "messages"
        ]
        if message["severity"] >= 2
    ]
    rendered = {
        name: chart.render(values, name="sim", namespace="rehearsal", revision=1, is_install=True)
        for name, values in CASES.items()
    }
    for name, values in REFUSED.items():
        try:
            chart.render(values, name="sim", namespace="rehearsal")
        except helm_python.HelmError:
            continue
        bad.append(f"was not refused: {name}")
    json.dump(rendered, sys.stdout)
    sys.stderr.write("\n".join([f"helm {helm_python.helm_sdk_version()}", *bad]) + "\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(str(Path(sys.argv[1]).resolve())))
