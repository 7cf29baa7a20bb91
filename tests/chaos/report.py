"""What a chaos run found, as JSON and as one self-contained page."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from statistics import quantiles

from tests.chaos.run import Outcome
from tests.support.machine import Machine

SHOWN_DIFFERENCES = 50


def summary(outcome: Outcome, machine: Machine, command: str) -> dict[str, object]:
    return {
        "faults": outcome.faults.total(),
        "events": outcome.events,
        "differences": len(outcome.differences),
        "oracle_differences": len(outcome.oracle_differences),
        "crashes": outcome.crashes[:SHOWN_DIFFERENCES],
        "not_recovered": outcome.not_recovered,
        "recovery_s": {
            "p50": percentile(outcome.recovery_s, 50),
            "p99": percentile(outcome.recovery_s, 99),
        },
        "seed": outcome.seed,
        "command": command,
        "rounds": outcome.rounds,
        "faults_by_kind": dict(outcome.faults.most_common()),
        "scores": outcome.scores,
        "rescored": outcome.rescored,
        "rewinds": outcome.rewinds,
        "exits": {str(code): n for code, n in sorted(outcome.exits.items())},
        "clock_jumped": outcome.clock_jumped,
        "stock_faust": outcome.stock_faust,
        "seconds": round(outcome.seconds, 1),
        "first_differences": outcome.differences[:SHOWN_DIFFERENCES],
        "machine": machine.described(),
    }


def percentile(values: list[float], percent: int) -> float | None:
    if len(values) < 2:
        return round(values[0], 3) if values else None
    return round(quantiles(values, n=100, method="inclusive")[percent - 1], 3)


def write_report(folder: Path, found: dict[str, object]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "chaos.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (folder / "chaos.html").write_text(_page(found), encoding="utf-8")


def _page(found: dict[str, object]) -> str:
    verdict = "no difference" if not found["differences"] else f"{found['differences']} differences"
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>asllr chaos: {verdict}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto;
        max-width: 52rem; padding: 0 1rem }}
table {{ border-collapse: collapse; margin: 1rem 0 }}
td, th {{ padding: .2rem .8rem; border-bottom: 1px solid #ccc; text-align: left }}
</style>
<h1>Chaos run: {verdict}</h1>
<p>Afterwards the log was folded again and compared with Redis, the scores, the boards and the
output topics. The same faults again:
<code>{escape(str(found["command"]))}</code></p>
{_table({name: value for name, value in found.items() if not isinstance(value, dict | list)})}
<h2>Faults</h2>{_table(found["faults_by_kind"])}
<h2>Recovery, seconds</h2>{_table(found["recovery_s"])}
<h2>Exit codes of role processes</h2>{_table(found["exits"])}
<h2>Stock Faust beside it: one transient exception in a hundred events, one kill</h2>
{_table(found["stock_faust"])}
<h2>Machine</h2>{_table(found["machine"])}
<h2>Crashes</h2>{_list(found["crashes"])}
<h2>Not recovered</h2>{_list(found["not_recovered"])}
<h2>Differences, of all sorts</h2>{_list(found["first_differences"])}
</html>
"""


def _table(rows: object) -> str:
    pairs = rows.items() if isinstance(rows, dict) else ()
    cells = (f"<tr><th>{escape(str(k))}<td>{escape(str(v))}" for k, v in pairs)
    return f"<table>{''.join(cells)}</table>"


def _list(lines: object) -> str:
    found = lines if isinstance(lines, list) else []
    return f"<ul>{''.join(f'<li>{escape(str(line))}' for line in found)}</ul>" if found else "none"
