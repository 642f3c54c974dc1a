"""`simulator evaluate`: plan a network for every case of a corpus, through the real pipeline."""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simulator_cli.commands.options import Engine, Url
from simulator_cli.errors import CommandError

if TYPE_CHECKING:
    from common.contracts.network import Network
    from simulator_cli.client import Gateway


@dataclass(frozen=True)
class Case:
    """One line of a corpus: what to plan for. Anything else on the line is not read."""

    case_id: str
    scenario: str


def evaluate(
    corpus: Annotated[Path, typer.Argument(help='Lines of {"id", "scenario"}.')],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the predictions go.")] = Path(
        "predictions.jsonl"
    ),
    parallel: Annotated[int, typer.Option(min=1, max=32, help="Cases at a time.")] = 4,
    engine: Engine = None,
    url: Url = None,
) -> None:
    """Plan a network for each case of a corpus and write what a scorer reads, one line per case."""
    from simulator_cli.console import busy, make_console
    from simulator_cli.session import open_session

    cases = read_corpus(corpus)
    console, notices = make_console(), make_console(is_error=True)
    with open_session(notices, url=url) as session:
        with busy(notices, f"Planning {len(cases)} cases…"):
            answers = _planned(session.gateway, cases, parallel=parallel, engine=engine)
        missing = write_predictions(out, cases, answers)
    console.print(f"{len(cases) - len(missing)} of {len(cases)} cases planned, written to {out}")
    if missing:
        raise CommandError(
            f"{len(missing)} without a prediction: {', '.join(missing[:5])}.",
            "See `simulator logs` for the reason.",
        )


def read_corpus(corpus: Path) -> list[Case]:
    """The cases of a JSON Lines file.

    Raises:
        CommandError: the file cannot be read, or a line has no id and scenario.
    """
    try:
        lines = corpus.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{corpus} cannot be read: {error}.") from error
    cases = []
    for n, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
            cases.append(Case(str(found["id"]), str(found["scenario"])))
        except (ValueError, TypeError, KeyError) as error:
            raise CommandError(f"{corpus}, line {n} has no id and scenario.") from error
    return cases


def write_predictions(
    out: Path, cases: Iterable[Case], answers: Iterable["Network | CommandError"]
) -> list[str]:
    """One line per planned case, in the order of the corpus; returns the ids of those without."""
    from simulator_cli.predictions import prediction

    missing = []
    with out.open("w", encoding="utf-8") as file:
        for case, answer in zip(cases, answers, strict=True):
            if isinstance(answer, CommandError):
                missing.append(f"{case.case_id} ({answer.message})")
                continue
            line = json.dumps(prediction(case.case_id, answer), ensure_ascii=False)
            file.write(f"{line}\n")
    return missing


def _planned(
    gateway: "Gateway", cases: list[Case], *, parallel: int, engine: str | None
) -> list["Network | CommandError"]:
    options: dict[str, Any] = {"tasks": 1, "failures": []}
    if engine:
        options["engine"] = engine

    def plan(case: Case) -> "Network | CommandError":
        try:
            return planned_network(gateway, {"scenario": case.scenario, "options": options})
        except CommandError as error:
            return error

    with ThreadPoolExecutor(parallel) as pool:
        return list(pool.map(plan, cases))


def planned_network(gateway: "Gateway", body: dict[str, Any]) -> "Network":
    """The mapped network of a scenario: from the answer, or from the stream when that came too early.

    Raises:
        CommandError: it is refused, or ends without a network.
    """
    answer = gateway.submit(body)
    try:
        return _network(gateway, answer)
    finally:
        # Its run is not asked for; whether it has ended by itself meanwhile makes no difference.
        with suppress(CommandError):
            gateway.cancel(str(answer["simulation_id"]))


def _network(gateway: "Gateway", answer: dict[str, Any]) -> "Network":
    from common.contracts.network import Network

    if answer.get("agents"):
        return Network.model_validate(answer)
    for frame in gateway.frames(str(answer["simulation_id"])):
        if frame.event_type == "tools_mapped":
            return Network.model_validate(frame.payload["network"])
    raise CommandError(f"simulation {answer['simulation_id']} ended without a network")
