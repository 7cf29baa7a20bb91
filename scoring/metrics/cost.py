"""What scoring costs: measured seconds of a CPU core, and money at the price of a core."""

from __future__ import annotations

from dataclasses import dataclass

PRICE_PER_CPU_HOUR = 0.04
"""About what one core of a cloud machine costs on demand."""

CURRENCY = "USD"


@dataclass(frozen=True, slots=True)
class Cost:
    """The measured cost of scoring `n_leads`: `cpu_s` seconds of one core, from state to logit.

    >>> cost = Cost(cpu_s=90.0, n_leads=500)
    >>> cost.cpu_s_per_1000, cost.money_per_1000(price_per_cpu_hour=0.04)
    (180.0, 0.002)
    """

    cpu_s: float
    n_leads: int

    @property
    def cpu_s_per_1000(self) -> float:
        return self.cpu_s / max(self.n_leads, 1) * 1000.0

    @property
    def ms_per_lead(self) -> float:
        return self.cpu_s_per_1000

    def money_per_1000(self, price_per_cpu_hour: float) -> float:
        return self.cpu_s_per_1000 / 3600.0 * price_per_cpu_hour
