"""Ways to score prompts with a language model on a CPU, ours and those to compare it with."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import median

import numpy as np
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from transformers import PreTrainedModel

from scoring.engines.reading import PromptReader

NAIVE_BATCH = 8
Score = Callable[[Sequence[str]], object]


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What this machine reaches at best, one thread: billions of operations, gigabytes a second."""

    fp32_gflops: float
    int8_gops: float
    memory_gb_s: float


def naive_padded(model: PreTrainedModel, reader: PromptReader) -> Score:
    """What a first script does: the causal model in fp32, padded batches, all logits."""

    @torch.inference_mode()
    def score(prompts: Sequence[str]) -> None:
        for at in range(0, len(prompts), NAIVE_BATCH):
            rows = [reader.token_ids(prompt) for prompt in prompts[at : at + NAIVE_BATCH]]
            width = max(len(row) for row in rows)
            ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
            mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
            model(input_ids=ids, attention_mask=mask)

    return score


def naive_single(model: PreTrainedModel, reader: PromptReader) -> Score:
    """The same, one prompt after the other."""

    @torch.inference_mode()
    def score(prompts: Sequence[str]) -> None:
        for prompt in prompts:
            model(input_ids=torch.tensor([reader.token_ids(prompt)]))

    return score


def backbone_only(model: PreTrainedModel, reader: PromptReader) -> Score:
    """Without the projection on the vocabulary."""

    @torch.inference_mode()
    def score(prompts: Sequence[str]) -> None:
        for prompt in prompts:
            model.model(input_ids=torch.tensor([reader.token_ids(prompt)]), use_cache=False)

    return score


def others() -> dict[str, str]:
    """Other runtimes: which are here. They are not measured by this command."""
    return {
        name: "installed, not measured" if find_spec(module) else "not installed"
        for name, module in (("openvino", "openvino"), ("llama_cpp", "llama_cpp"))
    }


def leads_per_s(ways: dict[str, Score], prompts: Sequence[str], n_rounds: int) -> dict[str, float]:
    """Prompts a second of each way, the median of `n_rounds` in which all take their turn; the
    first prompt warms each up."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for score in ways.values():
        score(prompts[:1])
    for _ in range(n_rounds):
        for name, score in ways.items():
            begun = time.perf_counter()
            score(prompts)
            taken[name].append(time.perf_counter() - begun)
    return {name: len(prompts) / median(times) for name, times in taken.items()}


def ceilings(n_rows: int = 512, width: int = 576, n_columns: int = 3072) -> Ceilings:
    """Measured with the products of ONNX Runtime that the graph is made of."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((n_rows, width)).astype(np.float32)
    weight = rng.standard_normal((width, n_columns)).astype(np.float32)
    n_operations = 2 * n_rows * width * n_columns
    fp32 = _best_s("MatMul", rows, [(weight, "w")])
    rows_u8 = rng.integers(1, 256, rows.shape).astype(np.uint8)
    weight_s8 = rng.integers(-63, 64, weight.shape).astype(np.int8)
    int8 = _best_s("MatMulInteger", rows_u8, [(weight_s8, "w"), (np.uint8(128), "zero")])
    block = np.ones(32_000_000, np.float32)
    copied = _best_of(lambda: block.copy())
    return Ceilings(
        round(n_operations / fp32 / 1e9, 1),
        round(n_operations / int8 / 1e9, 1),
        round(2 * block.nbytes / copied / 1e9, 1),
    )


def _best_s(
    op_type: str, rows: np.ndarray, constants: Sequence[tuple[np.ndarray | np.generic, str]]
) -> float:
    is_float = rows.dtype == np.float32
    names = [name for _, name in constants]
    body = helper.make_graph(
        [helper.make_node(op_type, ["rows", *names], ["product"])],
        "product",
        [
            helper.make_tensor_value_info(
                "rows", TensorProto.FLOAT if is_float else TensorProto.UINT8, list(rows.shape)
            )
        ],
        [
            helper.make_tensor_value_info(
                "product", TensorProto.FLOAT if is_float else TensorProto.INT32, None
            )
        ],
        [numpy_helper.from_array(np.asarray(value), name) for value, name in constants],
    )
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return _best_of(lambda: session.run(None, {"rows": rows}))


def _best_of(work: Callable[[], object], n: int = 15) -> float:
    taken = []
    for _ in range(n):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return min(taken)
