"""The native readout is transformers' own sequence-classification forward; ours pool right for either padding side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from headtohead.batching.batch import pad_right
from headtohead.heads import NativeHead
from headtohead.heads.pooled import pool
from tiny_runs import FrozenConfig, TinyRun, config_of

ARCHITECTURES = ("llama", "qwen2", "qwen3", "bert", "modernbert")


def reference_model(run: TinyRun) -> torch.nn.Module:
    """transformers' own classifier with the weights of the run's head."""
    model = run.plain_model.eval()
    own = dict(run.pack.trials[0].head.named_parameters())
    state = model.state_dict()
    for name, parameter in own.items():
        assert name in state, f"{name} is a weight of transformers' own class"
        state[name] = parameter.detach()
    model.load_state_dict(state)
    return model


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_native_equals_transformers(cache: Path, architecture: str):
    run = TinyRun(cache, config_of(architecture=architecture, lora=FrozenConfig(), steps=0))
    model = reference_model(run)
    prompts = run.rows.input_ids(np.arange(len(run.texts)))
    mixed = pad_right(prompts, run.backbone.tokenizer.pad_token_id, torch.device("cpu"))
    with torch.no_grad():
        alone = torch.cat([model(input_ids=torch.tensor([ids])).logits for ids in prompts])
        together = model(input_ids=mixed.input_ids, attention_mask=mixed.attention_mask).logits
    assert together.std() > 1e-2
    for expected in (alone, together):
        np.testing.assert_allclose(run.scores(), expected.log_softmax(dim=-1).numpy(), atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_head_weights_are_trainable_fp32_copies(cache: Path, architecture: str):
    """Two trials over one model share no head weight, and the model's own stays as it was."""
    run = TinyRun(cache, [config_of(architecture=architecture, seed=seed) for seed in (0, 1)])
    first, second = ({id(p) for _, p in trial.head.named_parameters()} for trial in run.pack.trials)
    assert first
    assert not first & second
    for trial in run.pack.trials:
        for name, parameter in trial.head.named_parameters():
            assert parameter.dtype == torch.float32
            assert parameter.requires_grad, name
            assert trial.weights.tensors[f"head.{name}"] is parameter


def test_new_head_is_drawn_by_the_trial_s_seed(cache: Path):
    def head_of(seed: int) -> Tensor:
        run = TinyRun(cache, config_of(seed=seed, lora=FrozenConfig()))
        return run.pack.trials[0].weights.tensors["head.score.weight"].detach().clone()

    assert torch.equal(head_of(3), head_of(3))
    assert not torch.equal(head_of(3), head_of(4))


def test_native_head_leaves_no_graph_alive(cache: Path):
    run = TinyRun(cache, config_of())
    run.pack.step()
    head = run.pack.trials[0].head
    assert isinstance(head, NativeHead)
    assert head._trunk.outputs is None


@pytest.mark.parametrize("pooling", ["last", "mean", "cls"])
def test_pooled_readouts_equal_a_loop(cache: Path, pooling: str):
    run = TinyRun(cache, config_of(architecture="bert", pooling=pooling, lora=FrozenConfig(), steps=0))
    model = run.plain_model.eval()
    own = {name: parameter.detach() for name, parameter in run.pack.trials[0].head.named_parameters()}
    rows = []
    with torch.no_grad():
        for ids in run.rows.input_ids(np.arange(len(run.texts))):
            hidden = model(input_ids=torch.tensor([ids])).last_hidden_state[0]
            pooled = {"last": hidden[-1], "cls": hidden[0], "mean": hidden.mean(dim=0)}[pooling]
            rows.append(own["weight"] @ pooled + own["bias"])
    np.testing.assert_allclose(run.scores(), torch.stack(rows).log_softmax(dim=-1).numpy(), atol=1e-5)


@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    left=st.booleans(),
    pooling=st.sampled_from(["last", "mean", "cls"]),
)
def test_pooling_is_right_for_either_padding_side(lengths: list[int], left: bool, pooling: str):
    longest = max(lengths) + 1
    rows = [torch.randn(length, 3, generator=torch.Generator().manual_seed(length)) for length in lengths]
    hidden, mask = torch.full((len(rows), longest, 3), 7.0), torch.zeros(len(rows), longest, dtype=torch.long)
    for i, row in enumerate(rows):
        place = slice(longest - len(row), longest) if left else slice(0, len(row))
        hidden[i, place], mask[i, place] = row, 1
    expected = {"last": lambda r: r[-1], "cls": lambda r: r[0], "mean": lambda r: r.mean(dim=0)}[pooling]
    torch.testing.assert_close(pool(hidden, mask, pooling), torch.stack([expected(row) for row in rows]))


def test_pooling_sums_in_fp32():
    hidden = torch.full((1, 3000, 1), 1.01, dtype=torch.bfloat16)
    pooled = pool(hidden, torch.ones(1, 3000, dtype=torch.long), "mean")
    assert pooled.dtype == torch.float32
    torch.testing.assert_close(pooled[0, 0], hidden[0, 0, 0].float())
