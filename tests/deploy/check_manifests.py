"""Check rendered manifests: against Kubernetes' own schemas, and against what every pod of ours promises.

    python tests/deploy/render_chart.py CHART > rendered.json
    python tests/deploy/check_manifests.py rendered.json     (PyPI: kubernetes-validate)

Kinds of KEDA and of the Prometheus operator have no schema there; they are checked for the fields that matter.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-not-found]  # installed only where charts are checked
import yaml

VERSION = "1.33"
FOREIGN = {"ScaledObject", "PodMonitor", "PrometheusRule"}

type Manifest = dict[str, Any]


def manifests(rendered: dict[str, str]) -> Iterator[Manifest]:
    for path, text in sorted(rendered.items()):
        if path.endswith(".yaml"):
            yield from filter(None, yaml.safe_load_all(text))


def pods(found: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    for one in found:
        if one["kind"] in {"Deployment", "Job"}:
            yield one["metadata"]["name"], one["spec"]["template"]


def problems(found: list[Manifest]) -> Iterator[str]:
    names = Counter((one["kind"], one["metadata"]["name"]) for one in found)
    yield from (f"twice: {name}" for name, count in names.items() if count > 1)
    for one in found:
        if one["kind"] not in FOREIGN:
            try:
                kubernetes_validate.validate(one, VERSION, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"{one['kind']} {one['metadata']['name']}: {error.message}"
    yield from _pod_problems(found)
    yield from _selector_problems(found)
    yield from _scaling_problems(found)
    yield from _access_problems(found)


def _access_problems(found: list[Manifest]) -> Iterator[str]:
    """Whoever calls a gateway needs a key, and who reads its metrics has one."""
    for name, pod in pods(found):
        if pod["metadata"]["labels"].get("simulator/gateway"):
            (container,) = pod["spec"]["containers"]
            environment = {one["name"]: one.get("value") for one in container["env"]}
            if environment.get("GATEWAY_AUTH") != "required":
                yield f"{name}: open to whoever reaches it"
    for one in found:
        if one["kind"] == "PodMonitor":
            for endpoint in one["spec"]["podMetricsEndpoints"]:
                if endpoint["port"] == "http" and "authorization" not in endpoint:
                    yield f"PodMonitor {one['metadata']['name']}: no key for the gateway's metrics"


def _pod_problems(found: list[Manifest]) -> Iterator[str]:
    secrets = {one["metadata"]["name"]: one for one in found if one["kind"] == "Secret"}
    for name, pod in pods(found):
        spec = pod["spec"]
        if not spec["securityContext"]["runAsNonRoot"] or spec["automountServiceAccountToken"]:
            yield f"{name}: may be root, or holds a token"
        for container in spec["containers"]:
            security = container["securityContext"]
            if not security["readOnlyRootFilesystem"] or security["capabilities"]["drop"] != [
                "ALL"
            ]:
                yield f"{name}: can be written to, or has capabilities"
            if "memory" not in container["resources"]["limits"]:
                yield f"{name}: no bound on memory"
            for variable in container["env"]:
                wanted = variable.get("valueFrom", {}).get("secretKeyRef")
                secret = secrets.get(wanted["name"]) if wanted else None
                if secret and wanted["key"] not in {
                    **secret.get("data", {}),
                    **secret.get("stringData", {}),
                }:
                    yield f"{name}: {wanted} is not in the Secret"


def _selector_problems(found: list[Manifest]) -> Iterator[str]:
    """Every policy, budget and service selects some pod."""
    labels = [pod["metadata"]["labels"] for _, pod in pods(found)]
    for one in found:
        spec = one.get("spec", {})
        match one["kind"]:
            case "NetworkPolicy":
                wanted = spec["podSelector"]["matchLabels"]
            case "PodDisruptionBudget" | "PodMonitor":
                wanted = spec["selector"]["matchLabels"]
            case "Service":
                wanted = spec["selector"]
            case _:
                continue
        if not any(wanted.items() <= label.items() for label in labels):
            yield f"{one['kind']} {one['metadata']['name']} selects no pod"


def _scaling_problems(found: list[Manifest]) -> Iterator[str]:
    deployments = {one["metadata"]["name"]: one for one in found if one["kind"] == "Deployment"}
    for one in found:
        if one["kind"] in {"ScaledObject", "HorizontalPodAutoscaler"}:
            target = deployments.get(one["spec"]["scaleTargetRef"]["name"])
            if target is None or "replicas" in target["spec"]:
                yield f"{one['kind']} {one['metadata']['name']}: no target, or one with replicas of its own"
        if one["kind"] == "ScaledObject":
            (trigger,) = one["spec"]["triggers"]
            wanted = {
                "natsServerMonitoringEndpoint",
                "account",
                "stream",
                "consumer",
                "lagThreshold",
            }
            if not wanted <= trigger["metadata"].keys() or not all(
                isinstance(v, str) for v in trigger["metadata"].values()
            ):
                yield f"ScaledObject {one['metadata']['name']}: {trigger}"


def main(path: str) -> int:
    bad = 0
    for case, rendered in json.loads(Path(path).read_text()).items():
        found = list(manifests(rendered))
        kinds = ", ".join(
            f"{count} {kind}"
            for kind, count in sorted(Counter(one["kind"] for one in found).items())
        )
        print(f"{case}: {len(found)} manifests ({kinds})")
        for problem in problems(found):
            bad += 1
            print(f"  {problem}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
