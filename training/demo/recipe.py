"""The recipe of the demo's model: every amount and seed in one place."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

from training.demo.base import BaseSize
from training.model.settings import FitSettings


@dataclass(frozen=True, slots=True)
class Recipe:
    """All amounts of the recipe. Leads are split in order of time: the oldest are for training,
    then a share `judging_share` for validation, the newest for calibration. Pre-training reads the
    first `n_read_leads` of those for training. `kept_negatives`: the share of the leads without an
    order that adapter and stack see. `elsewhen_share`: the share of the leads that the stack also
    sees at another moment, before they are worth a call or when they have gone silent; a day's list
    is full of those."""

    seed: int = 20260
    n_leads: int = 150_000
    n_read_leads: int = 48_000
    n_tokenizer_prompts: int = 3_000
    vocab_size: int = 2_048
    token_budget: int = 352
    base: BaseSize = field(default_factory=BaseSize)
    phrasebook_tokens: int = 600_000
    short_tokens: int = 1_500_000
    call_tokens: int = 10_000_000
    lead_tokens: int = 8_000_000
    kept_negatives: float = 0.08
    elsewhen_share: float = 0.25
    judging_share: float = 0.12
    calibrating_share: float = 0.12
    n_trials: int = 24
    n_parity_prompts: int = 400
    max_probability_difference: float = 0.05
    fit: FitSettings = field(
        default_factory=lambda: FitSettings(dropout=0.1, ctr_weight=1.0, pair_weight=0.0)
    )

    @property
    def fitting_share(self) -> float:
        return 1 - self.judging_share - self.calibrating_share

    def scaled(self, scale: float) -> Recipe:
        """The same recipe on less of everything: for tests and dry runs."""
        return replace(
            self,
            n_leads=int(self.n_leads * scale),
            n_read_leads=int(self.n_read_leads * scale),
            n_tokenizer_prompts=max(200, int(self.n_tokenizer_prompts * scale)),
            phrasebook_tokens=int(self.phrasebook_tokens * scale),
            short_tokens=int(self.short_tokens * scale),
            call_tokens=int(self.call_tokens * scale),
            lead_tokens=int(self.lead_tokens * scale),
            n_trials=max(3, int(self.n_trials * scale)),
            n_parity_prompts=max(8, int(self.n_parity_prompts * scale)),
        )

    def described(self) -> dict[str, object]:
        """All amounts, flat, for the model card."""
        flat: dict[str, object] = {}
        for name, value in asdict(self).items():
            if isinstance(value, dict):
                flat |= {f"{name}.{inner}": each for inner, each in value.items()}
            else:
                flat[name] = value
        return flat
