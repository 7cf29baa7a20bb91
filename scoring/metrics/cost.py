"""What scoring costs: measured seconds of a core, and money by what a core costs."""

from __future__ import annotations

from dataclasses import dataclass

PRICE_PER_CPU_HOUR = 0.04
"""About what one core of a cloud machine costs on demand."""

CURRENCY = "USD"


@dataclass(frozen=True, slots=True)
class Cost:
    """`cpu_s` of one core, from state to logit."""

    cpu_s: float
    n_leads: int

    @property
    def cpu_s_per_1000(self) -> float:
        return self.cpu_s / max(self.n_leads, 1) * 1000.0

    def money_per_1000(self, price_per_cpu_hour: float) -> float:
        return self.cpu_s_per_1000 / 3600.0 * price_per_cpu_hour
