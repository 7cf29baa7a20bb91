"""Prepares values for JSON, which has neither NaN nor infinity: they become null."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any


def json_value(value: Any) -> Any:
    """Prepares mappings, lists, tuples and scalars for `json.dumps(..., allow_nan=False)`."""
    match value:
        case float():
            return value if isfinite(value) else None
        case Mapping():
            return {name: json_value(item) for name, item in value.items()}
        case list() | tuple():
            return [json_value(item) for item in value]
        case _:
            return value
