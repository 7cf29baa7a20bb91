"""A base that is held in 4 bits while an adapter is fitted on it: a quarter of bf16's memory.

T. Dettmers, A. Pagnoni, A. Holtzman and L. Zettlemoyer, QLoRA: Efficient Finetuning of Quantized
LLMs, 2023, arXiv 2305.14314. bitsandbytes is imported by transformers, and only where it is asked
for.
"""

from __future__ import annotations

from importlib.util import find_spec

import torch
from peft import prepare_model_for_kbit_training
from transformers import BitsAndBytesConfig, PreTrainedModel

from training.model.errors import FitError

PACKAGE = "bitsandbytes"


def check_four_bit(device: torch.device) -> None:
    """Raises FitError where `--base-bits 4` cannot be: without a GPU, without bitsandbytes."""
    if device.type == "cpu":
        raise FitError(
            "--base-bits 4 is for a GPU and there is none here: leave it out; a base that is too "
            "large for the memory of a CPU is too slow for it, too"
        )
    check_package()


def check_package() -> None:
    """Raises FitError without bitsandbytes."""
    if find_spec(PACKAGE) is None:
        raise FitError(
            f"--base-bits 4 needs {PACKAGE}, which is not installed: "
            "pip install 'asllr[train,four-bit]'"
        )


def four_bit_config(compute: torch.dtype) -> BitsAndBytesConfig:
    """NF4 with its scales quantised again; products are computed in `compute`."""
    return BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
    )


def keep_gradients(base: PreTrainedModel) -> PreTrainedModel:
    """Keeps the weights of a base in 4 bits in the form that a gradient passes. On a CPU with
    AVX-512 BF16 bitsandbytes 0.50 repacks them when the base is first read and gives no gradient
    from then on, without an error."""
    for module in base.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False  # type: ignore[assignment]
    return base


def is_four_bit(base: PreTrainedModel) -> bool:
    return bool(getattr(base, "is_loaded_in_4bit", False))


def prepare(base: PreTrainedModel) -> PreTrainedModel:
    """Freezes a base in 4 bits and puts what is left of it in full, norms and embeddings, into
    float32, as peft advises before an adapter is added."""
    prepared: PreTrainedModel = prepare_model_for_kbit_training(  # type: ignore[no-untyped-call]
        base, use_gradient_checkpointing=False
    )
    return prepared
