"""Values as JSON has them."""

from __future__ import annotations

import json

from scoring.report.json_values import json_value


def test_nan_and_infinity_are_null_at_any_depth() -> None:
    value = {"a": [1.5, float("nan"), ({"b": float("inf")}, "x", None, 3)]}
    assert json.loads(json.dumps(json_value(value), allow_nan=False)) == {
        "a": [1.5, None, [{"b": None}, "x", None, 3]]
    }
