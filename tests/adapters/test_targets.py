"""Which layers get adapters, and how random numbers are named."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from headtohead.adapters import PackState, keyed_generator
from headtohead.adapters.state import dropout_mask
from headtohead.adapters.targets import target_names
from tiny_runs import FrozenConfig, LoraConfig, TinyRun, config_of

ATTENTION = {
    "llama": {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"},
    "bert": {
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
        "attention.output.dense",
    },
    "modernbert": {"attn.Wqkv", "attn.Wo"},
}


def names(cache: Path, architecture: str, lora: LoraConfig) -> list[str]:
    trunk = TinyRun(cache, config_of(architecture=architecture, lora=FrozenConfig())).backbone.trunk
    return target_names(trunk, lora)


@pytest.mark.parametrize("architecture", ATTENTION)
def test_attention(cache: Path, architecture: str):
    found = names(cache, architecture, LoraConfig(targets=["attention"]))
    assert {name.split(".", name.startswith("encoder") + 2)[-1] for name in found} == ATTENTION[architecture]
    assert len(found) == 2 * len(ATTENTION[architecture])


def test_targets_add_up_and_repeat_nothing(cache: Path):
    both = names(cache, "llama", LoraConfig(targets=["attention", "q_proj", "up_proj"]))
    assert len(both) == len(set(both)) == 10
    everything = names(cache, "llama", LoraConfig(targets=["all-linear"]))
    assert set(both) < set(everything)
    assert len(everything) == 14
    assert names(cache, "llama", LoraConfig(targets=["layers.1.mlp.up_proj"])) == ["layers.1.mlp.up_proj"]


@pytest.mark.parametrize(("share", "layers"), [(1.0, {0, 1}), (0.5, {1}), (0.1, {1}), (0.8, {0, 1})])
def test_top_layers_count_from_the_output(cache: Path, share: float, layers: set[int]):
    found = names(cache, "llama", LoraConfig(top_layers=share))
    assert {int(name.split(".")[1]) for name in found} == layers


def test_no_output_embeddings_and_no_pooler(cache: Path):
    generative = TinyRun(cache, config_of(head="generative"))
    assert not any("lm_head" in name for name in generative.pack.trials[0].weights.tensors)
    encoder = TinyRun(cache, config_of(architecture="bert", pooling="mean"))
    assert not any("pooler" in name for name in encoder.pack.trials[0].weights.tensors)


def test_generator_follows_from_its_key():
    def draw(key: str) -> torch.Tensor:
        return torch.rand(4, generator=keyed_generator(key, torch.device("cpu")))

    assert torch.equal(draw("0/1/layer"), draw("0/1/layer"))
    assert not torch.equal(draw("0/1/layer"), draw("0/11/layer"))


def test_dropout_mask_is_drawn_at_a_trial_s_own_shape():
    """Padding rows, padding tokens and neighbours move no random number; what is kept is scaled."""
    x = torch.ones(6, 9, 32)
    state = PackState(trials=2, keys=["a", "b"], shapes=[(3, 5), (2, 9)])
    mask = dropout_mask(x, [0.25, 0.0], state, "layer")
    assert set(mask.unique().tolist()) <= {0.0, 1.0, float(torch.tensor(1.0) / 0.75)}
    assert (mask[3:] == 1).all(), "no dropout in the second trial"
    assert (mask[:3, 5:] == 1).all(), "none on padding"
    assert 0.15 < float((mask[:3, :5] == 0).float().mean()) < 0.35
    alone = dropout_mask(x[:3, :5], [0.25], PackState(trials=1, keys=["a"], shapes=[(3, 5)]), "layer")
    assert torch.equal(alone, mask[:3, :5])
    assert not torch.equal(dropout_mask(x, [0.25, 0.0], state, "other"), mask)
    flat = dropout_mask(x[:, 0], [0.25, 0.0], state, "layer")
    assert flat.shape == (6, 32)
    assert (flat[3:] == 1).all()
