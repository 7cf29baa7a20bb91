"""Why a record goes to the dead letters: raised by whatever reads input bytes."""

from __future__ import annotations


class BadRecord(Exception):
    """A record that goes to the dead letters. `reason` is a stable code, `detail` names the value
    and the limit (never lead text), `fix` says what the producer should change."""

    def __init__(self, reason: str, detail: str, fix: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.fix = fix
