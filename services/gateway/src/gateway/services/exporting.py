"""A simulation in other tools' forms. The forms themselves are in `common.exports`."""

import asyncio
from dataclasses import dataclass
from typing import Any

from common.contracts.report import Report
from common.contracts.values import SimulationId
from gateway.errors import ResultNotReady
from gateway.repositories.simulations import RESULT_COLUMNS
from gateway.services.records import RecordService


@dataclass(frozen=True, slots=True)
class Exported:
    filename: str
    media_type: str
    content: bytes


class ExportService:
    def __init__(self, records: RecordService) -> None:
        self._records = records

    async def export(self, simulation_id: str, form: str) -> Exported:
        """`form` is a name in `common.exports.EXPORTS`.

        Raises:
            SimulationNotFound: there is no such simulation.
            ResultNotReady: the stage that this form shows is not accepted yet.
        """
        report = report_of(await self._records.report(simulation_id))
        # In a thread: a large report takes tens of milliseconds, and sockets must not wait for it.
        return await asyncio.to_thread(_export, report, form)


def report_of(body: dict[str, Any]) -> Report:
    """The report as the exporters take it."""
    scenario = body["scenario"] or {}
    return Report(
        simulation_id=SimulationId(body["simulation_id"]),
        scenario_text=scenario.get("scenario_text", ""),
        scenario_name=scenario.get("name"),
        status=body["status"],
        revision=body["revision"],
        created_at=body["created_at"],
        provenance=body["provenance"],
        options=body["options"],
        **{name: body[name] for name in RESULT_COLUMNS},
    )


def _export(report: Report, form: str) -> Exported:
    # Imported here: the starters' templates are only needed by who exports.
    from common.exports import EXPORTS, ExportNotReady

    exporter = EXPORTS[form]
    try:
        content = exporter.export(report)
    except ExportNotReady as error:
        raise ResultNotReady(str(error)) from error
    name = f"{report.simulation_id}{exporter.suffix}"
    return Exported(name, exporter.media_type, content.encode())
