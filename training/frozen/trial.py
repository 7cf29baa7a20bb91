"""What became of an adapter that started at a frozen base's solution: what report and manifest say
of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scoring.metrics.bootstrap import Interval
from training.model.adapter import Adapter


@dataclass(frozen=True, slots=True)
class Ahead:
    """By how much AUC an adapter is ahead on leads that it did not learn from, paired by cluster:
    `of_start`, of the frozen head that it began as and that learned from the same rows;
    `with_words`, weighed with words, of the frozen head on all rows, weighed with them likewise."""

    of_start: Interval
    with_words: Interval

    @property
    def is_sure(self) -> bool:
        """Ahead of its start with the interval, and with words not behind the frozen head's."""
        return self.of_start.low > 0 and self.with_words.value > 0


@dataclass(frozen=True, slots=True)
class AdapterTrial:
    """`kept`: None where the frozen base serves, `why_not`: for another reason than what `ahead`
    says. `ahead` is None where the adapter was not tried. `steps` and `losses`: of each check, on
    leads that the adapter did not learn from; `best`: the check that they choose."""

    kept: Adapter | None
    ahead: Ahead | None
    why_not: str = ""
    steps: tuple[int, ...] = ()
    losses: tuple[float, ...] = ()
    best: int = 0

    @property
    def sentence(self) -> str:
        if self.ahead is None:
            return f"LoRA was not tried: {self.why_not}"
        kept = "kept" if self.kept is not None else "not kept"
        if self.why_not:
            kept = f"{kept}: {self.why_not}"
        return (
            f"LoRA was tried: AUC {_shown(self.ahead.of_start)} over the frozen head it began as, "
            f"with words beside {_shown(self.ahead.with_words)} over the frozen head with them; "
            f"{kept}"
        )

    @property
    def metrics(self) -> dict[str, float]:
        """For the manifest."""
        if self.ahead is None:
            return {}
        gain = self.ahead.of_start
        return {
            "adapter_is_kept": float(self.kept is not None),
            "adapter_auc_gain_on_held_out_leads": gain.value,
            "adapter_auc_gain_low": gain.low,
            "adapter_auc_gain_high": gain.high,
        }

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "kept": self.kept is not None,
            "sentence": self.sentence,
            "checks": [
                {"step": step, "loss": loss}
                for step, loss in zip(self.steps, self.losses, strict=True)
            ],
            "best_check": self.best,
        }
        if self.ahead is not None:
            found["gain"] = _numbers(self.ahead.of_start)
            found["gain_with_words"] = _numbers(self.ahead.with_words)
        return found


def _shown(gain: Interval) -> str:
    return f"{gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}]"


def _numbers(gain: Interval) -> dict[str, float]:
    return {"value": gain.value, "low": gain.low, "high": gain.high}
