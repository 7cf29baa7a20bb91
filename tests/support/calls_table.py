"""The subscriber that the documentation shows, and whether its table says what the boards say."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from streams.store.contract import Store

SUBSCRIBER = Path(__file__).parents[2] / "docs" / "subscriber.py"


def load_subscribe() -> Callable[[str, sqlite3.Connection, Callable[[], bool]], None]:
    spec = spec_from_file_location("subscriber", SUBSCRIBER)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[[str, sqlite3.Connection, Callable[[], bool]], None] = module.subscribe
    return found


def table_differences(table: sqlite3.Connection, store: Store, tenant: str) -> list[str]:
    """Queues of `tenant` that the table lists otherwise than the board, and who is listed where
    there is no board."""
    found = []
    asked = table.execute("SELECT DISTINCT queue FROM calls WHERE tenant = ?", [tenant])
    queues = {queue for (queue,) in asked if queue}
    known = (name.partition("/") for name in store.queues())
    for queue in sorted(queues | {queue for of, _, queue in known if of == tenant}):
        listed = table.execute(
            "SELECT tenant || '/' || lead, probability, reason FROM calls"
            " WHERE tenant = ? AND queue = ? ORDER BY probability DESC, lead",
            [tenant, queue],
        ).fetchall()
        board = store.board(f"{tenant}/{queue}", MAX_ROWS).rows
        standing = [(row.lead, row.probability, row.reason) for row in board]
        if listed != standing:
            odd = sorted({*listed} ^ {*standing})[:5]
            found.append(
                f"{queue}: {len(listed)} in the table, {len(standing)} on the board: {odd}"
            )
    return found


MAX_ROWS = 100_000
