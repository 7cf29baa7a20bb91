"""A tutorial page as a script: its commands, and what it says they print."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

FENCE = re.compile(r"^```(bash|text|text-varies)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = r"-?\d[\d,]*(?:\.\d+)?"
TOKEN = re.compile(rf"({NUMBER}|…|\s+)")
MARK = "@@ block"


@dataclass(slots=True)
class Step:
    """A block of commands. `promised`: patterns of lines that it prints, in this order."""

    commands: str
    promised: list[re.Pattern[str]] = field(default_factory=list)


def steps_of(page: str) -> list[Step]:
    """```bash blocks, each with the ```text blocks after it. `…` in these stands for anything, and
    in a ```text-varies block a number for any number."""
    steps: list[Step] = []
    for kind, block in FENCE.findall(page):
        if kind == "bash":
            steps.append(Step(block))
            continue
        assert steps, f"output without commands before it: {block[:80]!r}"
        lines = (line for line in block.splitlines() if line.strip(" …"))
        steps[-1].promised += [_pattern(line, any_number=kind != "text") for line in lines]
    return steps


def _pattern(line: str, *, any_number: bool) -> re.Pattern[str]:
    def of(token: str) -> str:
        if token == "…":
            return ".*"
        if token.isspace():
            return r"\s+"
        return NUMBER if any_number and re.fullmatch(NUMBER, token) else re.escape(token)

    return re.compile(r"\s*" + "".join(map(of, TOKEN.split(line.strip()))) + r"\s*")


def script_of(steps: Sequence[Step]) -> str:
    """For one bash, which says where each block begins and ends what it started."""
    head = ["set -euo pipefail", "exec 2>&1", "trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT"]
    blocks = (f"echo; echo '{MARK}'\n{step.commands}" for step in steps)
    return "\n".join([*head, *blocks, "trap - EXIT; kill $(jobs -p) 2>/dev/null || true; wait"])


def broken_promises(steps: Sequence[Step], output: str) -> list[str]:
    """What the page says is printed and was not, with what was printed instead."""
    printed = [part.strip("\n").splitlines() for part in output.split(MARK)[1:]]
    broken = []
    for step, lines in zip(steps, printed, strict=True):
        rest = iter(lines)
        for pattern in step.promised:
            if not any(pattern.fullmatch(line) for line in rest):
                said = "\n    ".join(lines)
                broken.append(f"{step.commands}never printed {pattern.pattern!r}:\n    {said}")
                break
    return broken
