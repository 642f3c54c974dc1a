"""One simulation's trace as a real OTLP backend shows it: Arize Phoenix (PyPI: arize-phoenix), which also keeps the simulated trace.

phoenix serve                                        (in an environment of its own)
python tests/deploy/trace_in_phoenix.py [URL]        (default http://127.0.0.1:6006; starts a stack of its own)
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import httpx2

from rig import finished, running_stack, submit


async def main(url: str) -> int:
    with running_stack({"OTEL_EXPORTER_OTLP_ENDPOINT": url}) as stack:
        async with stack.client() as client:
            body = await submit(client, options={"tasks": 20})
            await finished(client, body["simulation_id"])
        async with httpx2.AsyncClient(base_url=url, timeout=30, trust_env=False) as backend:
            for _ in range(60):
                await asyncio.sleep(0.5)
                spans = await kept(backend)
                trace = whole(spans)
                if trace:
                    break
    print(f"{len(trace)} spans in one trace")
    show(trace)
    return 0 if trace else 1


async def kept(backend: httpx2.AsyncClient) -> list[dict[str, Any]]:
    answer = await backend.get("/v1/projects/default/spans/otlpv1", params={"limit": 1000})
    return [] if answer.status_code == 404 else list(answer.raise_for_status().json()["data"])


def whole(spans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The latest trace in which every stage has said its result; empty while there is none."""
    by_trace: dict[str, list[dict[str, Any]]] = {}
    for span in spans:
        by_trace.setdefault(span["trace_id"], []).append(span)
    done = [
        trace
        for trace in by_trace.values()
        if any("observability.narrated" in s["name"] for s in trace)
    ]
    done = [trace for trace in done if any("simulation.requested" in s["name"] for s in trace)]
    largest: list[dict[str, Any]] = sorted(done, key=len)[-1] if done else []
    return sorted(largest, key=lambda span: int(span["start_time_unix_nano"]))


def show(trace: list[dict[str, Any]]) -> None:
    by_id = {span["span_id"]: span for span in trace}
    began = int(trace[0]["start_time_unix_nano"]) if trace else 0
    for span in trace:
        depth, parent = 0, span.get("parent_id") or span.get("parent_span_id")
        while parent in by_id:
            depth, parent = (
                depth + 1,
                by_id[parent].get("parent_id") or by_id[parent].get("parent_span_id"),
            )
        start = (int(span["start_time_unix_nano"]) - began) / 1e6
        taken = (int(span["end_time_unix_nano"]) - int(span["start_time_unix_nano"])) / 1e6
        print(f"{start:9.1f} ms {taken:8.1f} ms  {'  ' * depth}{span['name']}")


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:6006")))
