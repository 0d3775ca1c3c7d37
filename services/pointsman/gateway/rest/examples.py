"""One example of each body and answer, for people who read the description."""

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def examples() -> dict[str, Any]:
    """By the name of their shape."""
    found: dict[str, Any] = json.loads(files("pointsman.gateway.rest").joinpath("examples.json").read_text())
    return found
