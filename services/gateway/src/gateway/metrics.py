"""What `/metrics` shows, in the default registry. Labels never hold an id."""

from prometheus_client import Counter, Gauge, Histogram

ACCEPTED = Counter(
    "gateway_simulations_accepted", "Simulations stored and promised to the pipeline"
)
ENDED = Counter("gateway_simulations_ended", "Simulations that reached a final state", ["state"])
RELAYED = Counter("gateway_outbox_relayed", "Messages the bus has stored")
RESULTS = Counter(
    "gateway_results", "Stage results heard, by what became of them", ["stage", "verdict"]
)
MALFORMED = Counter("gateway_malformed", "Messages nobody could read, sent to the DLQ")
REEMITTED = Counter("gateway_reemitted", "Awaited events sent out again by the reaper", ["reason"])
FRAMES = Counter("gateway_frames_stored", "Stream events stored")
TASKS = Gauge("gateway_tasks", "asyncio tasks that are not done")
SOCKETS = Gauge("gateway_sockets", "Open websockets and event streams", ["kind"])
CLOSED = Counter(
    "gateway_sockets_closed", "Websockets closed by the gateway, by close code", ["code"]
)
ACCEPT_SECONDS = Histogram(
    "gateway_accept_seconds",
    "From hearing a result to its commit",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
