"""One trace from the HTTP request through every worker to the last event, as an OTLP backend receives it."""

import asyncio
import gzip
import json
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from rig import finished, running_stack, submit

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


class Receiver(BaseHTTPRequestHandler):
    """Takes protobuf from the services and JSON from the narrator, as a collector does."""

    spans: list[tuple[str, object]] = []
    simulated: list[tuple[str, dict]] = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        if self.path.endswith("/v1/traces") and "protobuf" in self.headers["content-type"]:
            request = ExportTraceServiceRequest.FromString(body)
            for resource in request.resource_spans:
                service = next(
                    a.value.string_value
                    for a in resource.resource.attributes
                    if a.key == "service.name"
                )
                for scope in resource.scope_spans:
                    self.spans.extend((service, span) for span in scope.spans)
        elif "json" in self.headers["content-type"]:
            self.simulated.append((self.path, json.loads(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def receiver():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def orphans(trace):
    """Spans whose parent is not in the trace: the root, and what came before its parent."""
    known = {span.span_id for _, span in trace}
    return [span for _, span in trace if span.parent_span_id not in known]


async def test_a_simulation_is_one_trace_over_all_services(receiver):
    with running_stack({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver}) as stack:
        async with stack.client() as client:
            body = await submit(client, options={"tasks": 20})
            await finished(client, body["simulation_id"])
        workers = {
            f"simulator-{w}"
            for w in ("interpreter", "planner", "mapper", "failure", "simulation", "narrator")
        }
        traces = defaultdict(list)
        async with asyncio.timeout(20):  # spans leave in batches, a parent may come after its child
            while True:
                await asyncio.sleep(0.3)
                traces.clear()
                for service, span in list(Receiver.spans):
                    traces[span.trace_id].append((service, span))
                whole = [t for t in traces.values() if workers <= {service for service, _ in t}]
                if whole and len(orphans(whole[0])) == 1 and len(Receiver.simulated) == 3:
                    break

    (trace,) = whole
    (root,) = orphans(trace)
    assert root.name == "POST /simulate"
    names = {span.name for _, span in trace}
    assert "process sim.v1.simulation.requested" in names
    assert "publish sim.v1.observability.narrated" in names
    assert not any(body["simulation_id"] in name for name in names)

    told = dict(Receiver.simulated)
    assert set(told) == {"/v1/traces", "/v1/metrics", "/v1/logs"}
    simulated = [
        span
        for resource in told["/v1/traces"]["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    links = [link for _, span in trace for link in span.links]
    assert {link.trace_id.hex() for link in links} == {simulated[0]["traceId"]}
    assert {link.span_id.hex() for link in links} <= {span["spanId"] for span in simulated}
    services = {
        attribute["value"]["stringValue"]
        for resource in told["/v1/traces"]["resourceSpans"]
        for attribute in resource["resource"]["attributes"]
        if attribute["key"] == "service.name"
    }
    assert not services & workers
    assert len(services) >= 3
