"""A simulation in other tools' forms. The forms themselves are in `common.exports`."""

from dataclasses import dataclass

import orjson

from gateway.errors import InvalidRequest
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
        """Raises SimulationNotFound, ResultNotReady, InvalidRequest."""
        report = await self._records.report(simulation_id)
        if form != "json":
            raise InvalidRequest(f"format: {form} is not known")
        content = orjson.dumps(report, option=orjson.OPT_INDENT_2)
        return Exported(f"{simulation_id}.json", "application/json", content)
