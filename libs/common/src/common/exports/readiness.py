"""What an export needs, and the error when it is not there yet."""

from common.contracts.narrative import Narrative
from common.contracts.network import Network
from common.contracts.report import Report
from common.errors import DomainError


class ExportNotReady(DomainError):
    """The stage an export is made from has not been accepted yet; ask again when the simulation has gone on."""

    code = "export_not_ready"


def network_of(report: Report) -> Network:
    """Raises ExportNotReady while nothing is planned."""
    if report.network is None:
        raise ExportNotReady(f"The simulation is {report.status}; its network is not planned yet.")
    return report.network


def narrative_of(report: Report) -> Narrative:
    """Raises ExportNotReady while the run is not narrated."""
    if report.narrative is None:
        raise ExportNotReady(f"The simulation is {report.status}; its run is not narrated yet.")
    return report.narrative
