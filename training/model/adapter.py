"""A trained adapter outside of its model: what a check keeps and an artifact is made of."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256

from peft import PeftModel
from peft.utils import set_peft_model_state_dict
from torch import Tensor
from transformers import PreTrainedModel

from training.model.heads import add_lora
from training.model.settings import FitSettings


@dataclass(frozen=True, slots=True)
class Adapter:
    """LoRA on the first `n_layers` of a base. `tensors`: under peft's names."""

    settings: FitSettings
    n_layers: int
    tensors: Mapping[str, Tensor]

    @property
    def digest(self) -> str:
        """SHA-256 of the tensors, by name."""
        found = sha256()
        for name, tensor in sorted(self.tensors.items()):
            found.update(name.encode() + tensor.float().numpy().tobytes())
        return found.hexdigest()

    def on_copy_of(self, base: PreTrainedModel) -> PeftModel:
        """A copy of `base` with the adapter on it, not merged."""
        adapted = add_lora(deepcopy(base), self.settings, self.n_layers)
        set_peft_model_state_dict(adapted, dict(self.tensors))
        return adapted.eval()

    def merged_into_copy_of(self, base: PreTrainedModel) -> PreTrainedModel:
        """A copy of `base` with the adapter in its weights."""
        merged: PreTrainedModel = self.on_copy_of(base).merge_and_unload()
        merged.eval()  # type: ignore[no-untyped-call]
        return merged
