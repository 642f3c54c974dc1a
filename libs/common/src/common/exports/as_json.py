"""Everything about a simulation as one JSON document."""

from common.contracts.report import Report


def export_json(report: Report) -> str:
    """The report as it is; parts whose stage is not accepted yet are null."""
    return report.model_dump_json(by_alias=True, indent=2)
