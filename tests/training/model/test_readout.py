"""The marker's state, which a score is read off: answer, padding, batch mates must not move it."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from training.demo.base import BaseSize, build_base, round_to_half
from training.model.batch import collate_leads
from training.model.heads import ThreeHeads, add_lora, marked_states
from training.model.losses import CodeHeads, PretrainWeights, final_states, pretrain_loss
from training.model.readout import marker_states
from training.model.samples import IGNORED, Sample, collate
from training.model.settings import FitSettings, Precision

pytestmark = [pytest.mark.train, pytest.mark.slow]

PAD, EOS, YES, NO, VOCAB = 0, 2, 5, 6, 64
SIZE = BaseSize(hidden=32, n_layers=2, n_heads=2, n_kv_heads=1, intermediate=48, max_tokens=96)


@pytest.fixture(params=["qwen2", "qwen3"])
def base(request: pytest.FixtureRequest) -> torch.nn.Module:
    torch.manual_seed(3)
    qwen2 = build_base(SIZE, VOCAB, PAD, EOS)
    if request.param == "qwen2":
        return qwen2.eval()
    shape = qwen2.config.to_dict()
    kept = {name: shape[name] for name in shape if name.startswith(("num_", "hidden_", "vocab"))}
    return Qwen3ForCausalLM(Qwen3Config(**kept, intermediate_size=48, head_dim=24)).eval()


def _sample(seed: int, length: int, answer: int = YES) -> Sample:
    rng = np.random.default_rng(seed)
    return Sample(
        prompt=rng.integers(7, VOCAB, length).astype(np.int32),
        answer=np.array([answer, EOS], dtype=np.int32),
        label=float(answer == YES),
        grade=5 * int(answer == YES),
    )


def _flipped(sample: Sample) -> Sample:
    other = NO if sample.answer[0] == YES else YES
    return replace(
        sample, answer=np.array([other, EOS], dtype=np.int32), label=1.0 - float(sample.label or 0)
    )


def test_flipping_the_label_leaves_the_score_bit_identical(base: torch.nn.Module) -> None:
    samples = [_sample(seed, 20 + seed) for seed in range(8)]
    flipped = [_flipped(sample) for sample in samples]
    assert np.array_equal(marker_states(base, samples, PAD), marker_states(base, flipped, PAD))


def test_last_token_that_is_not_padding_would_read_the_label(base: torch.nn.Module) -> None:
    """The trap the explicit index avoids: the test above could fail."""
    rng = np.random.default_rng(0)
    sample = _sample(1, 20)
    states = [
        final_states(base, collate([each], PAD, 0, rng).input_ids)[0, len(each) - 2]
        for each in (sample, _flipped(sample))
    ]
    assert not torch.equal(*states)


def test_padding_and_batch_mates_do_not_change_a_state(base: torch.nn.Module) -> None:
    """Up to rounding: a matrix product of another height may add in another order."""
    samples = [_sample(seed, length) for seed, length in enumerate((12, 80, 31, 50))]
    alone = [_states_of(base, [each])[0] for each in samples]
    assert torch.allclose(_states_of(base, samples), torch.stack(alone), atol=1e-5)
    read = marker_states(base, samples, PAD, precision=Precision.FP32)
    assert np.allclose(read, torch.stack(alone).numpy(), atol=1e-5)


def _states_of(base: torch.nn.Module, samples: list[Sample]) -> torch.Tensor:
    """In one batch, as training reads them: all as wide as the longest."""
    batch = collate_leads(samples, PAD)
    with torch.inference_mode():
        return marked_states(base, batch.input_ids, batch.markers)


def test_each_lead_of_a_batch_has_the_state_that_it_has_alone(base: torch.nn.Module) -> None:
    """Of one width, so that `marker_states` reads them as batch mates. Alone is without padding."""
    samples = [_sample(seed, 20 + seed) for seed in range(6)]
    together = marker_states(base, samples, PAD, precision=Precision.FP32)
    for sample, state in zip(samples, together, strict=True):
        tokens = torch.from_numpy(sample.prompt.astype(np.int64))[None, :]
        with torch.inference_mode():
            bare = final_states(base, tokens)[0, -1].numpy()
        assert np.allclose(state, bare, atol=1e-5)
    assert not np.allclose(together, together[::-1], atol=0.1)


def test_only_prompt_and_answer_positions_are_taught() -> None:
    samples = [_sample(seed, 10 + 7 * seed) for seed in range(4)]
    batch = collate(samples, PAD, 0, np.random.default_rng(0))
    known = batch.picked_targets != IGNORED
    for (row, position), target in zip(
        batch.picked[known], batch.picked_targets[known], strict=True
    ):
        tokens = [*samples[row].prompt, *samples[row].answer]
        assert tokens[position + 1] == target
    answers = batch.picked[batch.is_answer]
    assert {(int(row), int(at)) for row, at in answers} == {
        (row, len(sample.prompt) - 1 + i) for row, sample in enumerate(samples) for i in (0, 1)
    }


def test_unknown_codes_teach_nothing(base: torch.nn.Module) -> None:
    heads = CodeHeads(SIZE.hidden, 3)
    known = replace(_sample(1, 12), codes=np.array([1, 0, 1], dtype=np.float32))
    unknown = replace(_sample(2, 12), codes=np.full(3, np.nan, dtype=np.float32))
    weights = PretrainWeights(lm=0.0, answer=0.0)

    def loss(samples: list[Sample]) -> float:
        batch = collate(samples, PAD, 3, np.random.default_rng(0))
        return float(pretrain_loss(base, heads, batch, weights)["total"].detach())

    assert loss([known, unknown]) == pytest.approx(loss([known]), rel=1e-5)
    assert loss([unknown]) == 0.0


def test_the_losses_reach_adapter_and_heads_and_nothing_else(base: torch.nn.Module) -> None:
    settings = FitSettings(rank=2, dropout=0.0, precision=Precision.FP32)
    model = ThreeHeads(add_lora(base, settings), settings)
    batch = collate_leads([_sample(1, 12), _sample(2, 14, NO)], PAD)
    model(batch)["total"].backward()
    moved = {name for name, p in model.named_parameters() if p.grad is not None}
    heads = {"point.weight", "point.bias", "pair.weight", "pair.bias"}
    assert moved >= heads
    assert all(".lora_" in name for name in moved - heads)
    assert any("mlp" in name for name in moved)
    assert any("self_attn" in name for name in moved)


def test_gradient_checkpointing_changes_memory_and_no_gradient(base: torch.nn.Module) -> None:
    batch = collate_leads([_sample(1, 12), _sample(2, 14, NO)], PAD)
    gradients = []
    for is_on in (False, True):
        settings = FitSettings(
            rank=2, dropout=0.0, precision=Precision.FP32, gradient_checkpointing=is_on
        )
        torch.manual_seed(0)
        model = ThreeHeads(add_lora(copy.deepcopy(base), settings), settings).train()
        model(batch)["total"].backward()
        gradients.append([p.grad for p in model.parameters() if p.grad is not None])
    assert len(gradients[0]) == len(gradients[1])
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(*gradients, strict=True))


def test_guests_teach_pairs_only(base: torch.nn.Module) -> None:
    settings = FitSettings(rank=2, dropout=0.0, precision=Precision.FP32)
    model = ThreeHeads(add_lora(base, settings), settings).eval()
    leads, guest = [_sample(1, 12, NO), _sample(2, 14, NO)], _sample(3, 20)
    with torch.inference_mode():
        alone = model(collate_leads(leads, PAD))
        visited = model(collate_leads([*leads, guest], PAD, n_guests=1))
    for name in ("ctr", "qa"):
        assert float(visited[name]) == pytest.approx(float(alone[name]), rel=1e-5)
    assert float(alone["pair"]) == 0.0
    assert float(visited["pair"]) > 0.0


def test_rounded_weights_survive_half_precision(base: torch.nn.Module) -> None:
    round_to_half(base)
    assert all(torch.equal(p.half().float(), p) for p in base.parameters())
