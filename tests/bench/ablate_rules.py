"""What each part of the rules engines adds: every part is switched off in turn and the corpus is scored again.

Usage: ablate_rules.py SCORER.py GOLD.jsonl [GOLD.jsonl …]   (prints a Markdown table)
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from unittest.mock import patch

from interpreter.rules import lists, people, signals, steps
from interpreter.rules.reading import interpret
from planner.rules import planning, roles
from planner.rules.pattern import Choice, described
from planner.rules.planning import plan

PARTS: dict[str, list[tuple[Any, str, Callable[..., Any]]]] = {
    "everything": [],
    "without professions (functions only)": [(roles, "fitting", lambda *_: {})],
    "without the domain in titles": [(roles, "_modifier", lambda _: "X")],
    "without merging (a role per step)": [(roles, "_takes", lambda *_: False), (roles, "_is_aside", lambda *_: False)],
    "without lists and topics": [(lists, "items", lambda *_: None), (lists, "topics", lambda *_: [])],
    "without coordination signals": [
        (planning, "choose", lambda _, n: Choice(_plain(n), described(_plain(n))[0], {}))
    ],
    "without the capability words": [(steps, "_capabilities", lambda _, drafts: [{} for _ in drafts])],
    "without what a duty implies": [(roles, "sources", lambda *_: ()), (roles, "channel", lambda *_: ())],
    "without least privilege": [(roles, "may_hold", lambda *_: True)],
    "without people in the text": [(signals, "_human", lambda _: 0.0), (people, "clauses", lambda _: ())],
    "without named roles and duties": [(steps, "duties", lambda *_: ())],
    "without telling the situation apart": [(steps, "is_context", lambda *_: False)],
    "without steps of people left out": [(roles, "_is_for_person", lambda _: False)],
}  # fmt: skip


def _plain(role_count: int) -> Any:
    return "single" if role_count <= 1 else "sequential"


@contextmanager
def switched_off(part: str) -> Iterator[None]:
    """The rules without one part."""
    with ExitStack() as stack:
        for place, name, instead in PARTS[part]:
            stack.enter_context(patch.object(place, name, instead))
        yield


def module_at(path: str) -> Any:
    """A script as a module."""
    spec = spec_from_file_location(Path(path).stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(score: Any, gold: list[dict[str, Any]]) -> list[float]:
    """Overall, agents F1, tools F1, pattern credit and people of the rules as they are now."""
    predict = module_at(str(Path(__file__).with_name("evaluate_corpus.py"))).prediction
    predicted = [predict(case["id"], plan(interpret(case["scenario"]))) for case in gold]
    figures = score.corpus(score.evaluate(gold, predicted, score.Sim(gold)))
    return [figures[name] for name in ("overall", "agent_f1", "tool_f1", "pattern_credit", "hitl")]


def main(scorer_path: str, *golds: str) -> None:
    score = module_at(scorer_path)
    for path in golds:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        gold = [json.loads(line) for line in lines]
        print(f"\n### {Path(path).name}, {len(gold)} cases\n")
        print("| rules | overall | agents F1 | tools F1 | pattern | people |")
        print("|---|---|---|---|---|---|")
        for part in PARTS:
            with switched_off(part):
                cells = " | ".join(f"{value:.3f}" for value in row(score, gold))
            print(f"| {part} | {cells} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
