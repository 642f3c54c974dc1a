"""A completed run as a narrative: the one entry into the narrator's rules."""

from common.contracts.events import RunCompleted
from common.contracts.narrative import Narrative
from narrator.rules.alerts import alerts
from narrator.rules.facts import Source
from narrator.rules.metrics import metrics
from narrator.rules.run_view import RunView
from narrator.rules.story import chapters, headline
from narrator.rules.trace import Tracer, trace_id_of


def narrate(heard: RunCompleted) -> Narrative:
    """The same run gives the same narrative, ids included."""
    view, source = RunView(heard), Source.of(heard.stream)
    tracer = Tracer(view, trace_id_of(heard.simulation_id, heard.revision))
    spans = tracer.spans()
    return Narrative(
        headline=headline(view),
        chapters=chapters(view, source),
        alerts=alerts(view, source),
        spans=spans,
        logs=tracer.logs(),
        metrics=metrics(view, spans),
        trace_id=tracer.trace_id,
    )
