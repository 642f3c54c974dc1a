"""From a pydantic model to the JSON Schema that servers can enforce, and from a model's text back to a value.

The portable subset for llama.cpp, OpenRouter and OpenAI: every object closed, every property required, no defaults,
no keyword of which a server is known to refuse or ignore it. What the subset cannot say is checked here and re-asked.
"""

import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError

_DROPPED = frozenset(
    {
        *("title", "default", "examples", "format", "uniqueItems", "not", "if", "then", "else"),
        *("contains", "minProperties", "maxProperties", "patternProperties", "propertyNames"),
        *("dependentRequired", "discriminator", "multipleOf", "exclusiveMinimum"),
        "exclusiveMaximum",
    }
)
MAX_PROBLEMS = 8
_FENCE = re.compile(r"```(?:json)?\s*\n?(.*?)```", re.DOTALL)


@lru_cache(maxsize=64)
def portable_schema(shape: type[BaseModel]) -> dict[str, Any]:
    """The schema to send. `dict` fields have no portable form: shapes for models use lists of pairs."""
    schema: dict[str, Any] = _portable(shape.model_json_schema())
    return schema


def _portable(node: Any) -> Any:
    if isinstance(node, list):
        return [_portable(part) for part in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"$ref": node["$ref"]}
    kept: dict[str, Any] = {}
    for key, value in node.items():
        if key in ("properties", "$defs"):
            kept[key] = {name: _portable(part) for name, part in value.items()}
        elif key not in _DROPPED:
            kept["anyOf" if key == "oneOf" else key] = _portable(value)
    if kept.get("type") == "object":
        kept.setdefault("properties", {})
        kept["additionalProperties"] = False
        kept["required"] = list(kept["properties"])
    return kept


def in_words(shape: type[BaseModel]) -> str:
    """What to add to a prompt where a server may not enforce the schema."""
    schema = json.dumps(portable_schema(shape), separators=(",", ":"), ensure_ascii=False)
    return f"Answer with one JSON object and nothing else. It must fit this JSON Schema:\n{schema}"


def read_value[T: BaseModel](
    text: str, shape: type[T], check: Callable[[T], Sequence[str]] | None
) -> tuple[T | None, tuple[str, ...]]:
    """The value, or null and what is wrong with the text, in words a model can act on."""
    body = _json_in(text)
    if body is None:
        return None, ("the answer holds no JSON object",)
    try:
        value = shape.model_validate_json(body)
    except ValidationError as error:
        return None, _told(error)
    except RecursionError:
        return None, ("the answer is nested too deeply",)
    problems = tuple(check(value))[:MAX_PROBLEMS] if check else ()
    return (None, problems) if problems else (value, ())


def _told(error: ValidationError) -> tuple[str, ...]:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    lines = [f"{'.'.join(map(str, e['loc'])) or 'answer'}: {e['msg']}" for e in found]
    return tuple(lines[:MAX_PROBLEMS])


def _json_in(text: str) -> str | None:
    """The JSON object in a text: all of it, inside a fence, or from the first brace to its partner."""
    stripped = text.strip()
    if stripped.startswith("{"):
        return _balanced(stripped, 0) or stripped
    fenced = _FENCE.search(text)
    if fenced and fenced.group(1).strip().startswith("{"):
        return fenced.group(1).strip()
    start = text.find("{")
    return _balanced(text, start) if start >= 0 else None


def _balanced(text: str, start: int) -> str | None:
    """From the brace at `start` to the one that closes it, strings respected; null if none does."""
    depth, in_string, escaped = 0, False, False
    for at in range(start, len(text)):
        symbol = text[at]
        if in_string:
            in_string, escaped = escaped or symbol != '"', symbol == "\\" and not escaped
        elif symbol == '"':
            in_string = True
        elif symbol in "{}":
            depth += 1 if symbol == "{" else -1
            if depth == 0:
                return text[start : at + 1]
    return None
