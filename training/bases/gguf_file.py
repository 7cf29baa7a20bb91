"""Reads a GGUF file into an ordinary model class of its architecture, in float32.

The weights are dequantised once: a base is a folder that every tool of the field opens, not a
format of one runtime. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from gguf import GGMLQuantizationType, GGUFReader, dequantize
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from training.bases.gguf_tokens import mend_tokens
from training.model.base_record import UNKNOWN_LICENCE
from training.model.errors import FitError
from training.model.hub import check_whole

OTHER = "take another quantisation of this model, such as Q8_0 or F16"


@dataclass(frozen=True, slots=True)
class GgufBase:
    """What a GGUF file holds. `mended`: what was put right of its tokenizer."""

    model: PreTrainedModel
    reading: PreTrainedTokenizerBase
    licence: str
    mended: tuple[str, ...]


def load_gguf(path: Path) -> GgufBase:
    """Reads weights, configuration and tokenizer. Raises FitError for a file that is cut short, of
    a type or of an architecture that cannot be read."""
    reader = _checked(path)
    try:
        reading = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
        read: Any = AutoModelForCausalLM.from_pretrained(
            path.parent, gguf_file=path.name, dtype=torch.float32, output_loading_info=True
        )
    except (OSError, ValueError, KeyError, NotImplementedError, TypeError) as error:
        first_line = str(error).split("\n", 1)[0]
        raise FitError(
            f"{path.name} (architecture {_text(reader, 'general.architecture')}) cannot be read "
            f"as a causal language model: {first_line}; take the safetensors of this model"
        ) from error
    quantised, found = read
    check_whole(path.name, found)
    licence = _text(reader, "general.license")
    return GgufBase(_plain(quantised), reading, licence, mend_tokens(reader, reading))


def _checked(path: Path) -> GGUFReader:
    """The file's header, once every tensor it names is there and of a type that can be read."""
    try:
        reader = GGUFReader(path)
    except (OSError, ValueError, IndexError, KeyError) as error:
        first_line = str(error).split("\n", 1)[0]
        if GGMLQuantizationType.__name__ in first_line:
            raise FitError(
                f"{path.name} holds weights of a type that cannot be read ({first_line}); {OTHER}"
            ) from error
        raise FitError(
            f"{path.name} ({path.stat().st_size:,} bytes) is no whole GGUF file: {first_line}; "
            "copy or download it again"
        ) from error
    for kind, tensor in {tensor.tensor_type: tensor for tensor in reader.tensors}.items():
        try:
            dequantize(tensor.data[:1], kind)
        except NotImplementedError as error:
            raise FitError(
                f"{path.name} holds weights of type {kind.name}, which cannot be read; {OTHER}"
            ) from error
    return reader


def _text(reader: GGUFReader, field: str) -> str:
    found = reader.get_field(field)
    return UNKNOWN_LICENCE if found is None else str(found.contents())


def _plain(quantised: PreTrainedModel) -> PreTrainedModel:
    """The same weights in a model that knows nothing of GGUF, so that it can be saved."""
    kind, config = type(quantised), quantised.config.to_dict()
    for key in ("quantization_config", "_name_or_path"):
        config.pop(key, None)
    with torch.device("meta"):
        plain = kind(type(quantised.config).from_dict(config))
    plain.load_state_dict(quantised.state_dict(), assign=True)
    plain.tie_weights()
    return plain
