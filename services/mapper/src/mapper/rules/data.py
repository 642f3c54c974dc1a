"""Reads the tables of `mapper/catalogue` once, when first asked for: start-up must not wait for them."""

from functools import cache
from importlib import resources
from typing import Any


@cache
def table(name: str) -> Any:
    """The content of `catalogue/<name>.yaml`.

    Raises:
        FileNotFoundError: there is no such table.
    """
    import yaml

    # libyaml parses the catalogue in a tenth of the time of the Python loader; both are safe loaders.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = resources.files("mapper").joinpath("catalogue", f"{name}.yaml").read_text("utf-8")
    return yaml.load(text, Loader=loader)  # noqa: S506 - both loaders are the safe ones
