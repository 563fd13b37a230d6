"""Adapters start as the base model, train what they should and nothing else, and count as the closed form and PEFT do."""

from __future__ import annotations

import copy
import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch

from headtohead.adapters import adapter_layers, expected_count, remove_adapters
from headtohead.adapters.low_rank import full_weight
from headtohead.classifiers.build_pack import undress
from headtohead.config import TrainedConfig
from headtohead.errors import UserError
from plain_peft import peft_config
from tiny_runs import FrozenConfig, FullConfig, LoraConfig, TinyRun, config_of

LORA: dict[str, LoraConfig] = {
    "all_linear": LoraConfig(rank=4, dropout=0.5),
    "attention": LoraConfig(rank=4, targets=["attention"]),
    "list": LoraConfig(rank=3, targets=["o_proj", "up_proj"]),
    "rslora": LoraConfig(rank=16, scaling="rslora"),
    "embeddings": LoraConfig(rank=4, embeddings=True),
    "dora": LoraConfig(rank=4, dora=True),
    "top_layers": LoraConfig(rank=4, top_layers=0.5),
}


def hidden_states(model: Any, run: TinyRun) -> torch.Tensor:
    run.pack.state.training = False
    ids = torch.tensor([max(run.rows.input_ids(np.arange(9)), key=len)])
    with torch.no_grad():
        hidden: torch.Tensor = model.base_model.eval()(input_ids=ids).last_hidden_state
    return hidden


@pytest.mark.parametrize("kind", LORA)
def test_new_adapters_change_nothing(cache: Path, kind: str):
    run = TinyRun(cache, config_of(lora=LORA[kind]))
    assert adapter_layers(run.backbone.trunk)
    torch.testing.assert_close(hidden_states(run.backbone.model, run), hidden_states(run.plain_model, run))


@pytest.mark.parametrize("kind", LORA)
def test_removed_adapters_leave_the_model_as_it_was(cache: Path, kind: str):
    run = TinyRun(cache, config_of(lora=LORA[kind]))
    for _ in range(3):
        run.pack.step()
        run.pack.drop_gradients()
    assert not torch.equal(hidden_states(run.backbone.model, run), hidden_states(run.plain_model, run))
    remove_adapters(run.backbone.trunk)
    assert torch.equal(hidden_states(run.backbone.model, run), hidden_states(run.plain_model, run))


def test_adapters_are_drawn_by_the_trial_s_seed(cache: Path):
    states = [
        TinyRun(cache, [config_of(seed=seed) for seed in seeds]).pack.trials[0].weights.state()
        for seeds in ([1], [1, 2], [2])
    ]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(states[0]["head.score.weight"], states[2]["head.score.weight"])
    name = "trunk.layers.0.mlp.up_proj.lora_a"
    assert not torch.equal(states[0][name], states[2][name])
    bound = states[0][name].shape[1] ** -0.5
    assert bound * 0.9 < float(states[0][name].abs().max()) <= bound


@pytest.mark.parametrize(
    ("architecture", "kind"),
    [("llama", kind) for kind in LORA]
    + [(architecture, "all_linear") for architecture in ("qwen2", "qwen3", "bert", "modernbert")]
    + [("bert", "attention"), ("bert", "embeddings"), ("modernbert", "dora"), ("modernbert", "top_layers")],
)
def test_count_is_that_of_peft(cache: Path, architecture: str, kind: str):
    run = TinyRun(cache, config_of(architecture=architecture, lora=LORA[kind]))
    base = copy.deepcopy(run.plain_model)
    head = [name for name in ("score", "classifier", "head") if name in dict(base.named_children())]
    wrapped = peft.get_peft_model(base, peft_config(base, LORA[kind], head))
    trainable, _ = wrapped.get_nb_trainable_parameters()
    assert run.pack.trials[0].weights.count() == trainable
    in_trunk = sum(t.numel() for n, t in run.pack.trials[0].weights.tensors.items() if n.startswith("trunk."))
    fresh = TinyRun(cache, config_of(architecture=architecture, lora=FrozenConfig()))
    assert in_trunk == expected_count(fresh.backbone.trunk, fresh.backbone.model, LORA[kind])


def test_closed_form_by_hand(cache: Path):
    """Two layers of 64 features: queries and outputs 64 to 64, keys and values 64 to 32, MLP 64 to 128."""
    run = TinyRun(cache, config_of(lora=FrozenConfig()))
    shapes = 2 * [(64, 64), (64, 64), (64, 32), (64, 32), (64, 128), (64, 128), (128, 64)]
    count = sum(5 * (fan_in + fan_out) for fan_in, fan_out in shapes)
    assert expected_count(run.backbone.trunk, run.backbone.model, LoraConfig(rank=5)) == count
    with_dora = expected_count(run.backbone.trunk, run.backbone.model, LoraConfig(rank=5, dora=True))
    assert with_dora == count + sum(fan_out for _, fan_out in shapes)


@pytest.mark.parametrize(
    ("lora", "head", "frozen"),
    [
        (FullConfig(), "classification", set()),
        (FullConfig(), "generative", set()),
        (FullConfig(embeddings=False), "classification", {"model.embed_tokens.weight"}),
        (FullConfig(embeddings=False), "generative", {"model.embed_tokens.weight"}),
    ],
)
def test_full_trains_exactly_what_it_names(cache: Path, lora: TrainedConfig, head: str, frozen: set[str]):
    run = TinyRun(cache, config_of(head=head, lora=lora, learning_rate=1e-3, warmup_steps=0))
    before = copy.deepcopy(run.backbone.model.state_dict())
    run.pack.step()
    after = run.backbone.model.state_dict()
    own_copy = {"score.weight"}  # the head trains a copy of its own
    assert {name for name in before if torch.equal(before[name], after[name])} - own_copy == frozen
    plain = sum(p.numel() for n, p in run.plain_model.named_parameters() if n not in frozen)
    assert run.pack.trials[0].weights.count() == plain


def test_frozen_trains_the_head_alone(cache: Path):
    for architecture in ("llama", "bert"):
        run = TinyRun(cache, config_of(architecture=architecture, lora=FrozenConfig(), warmup_steps=0))
        before, head = copy.deepcopy(run.backbone.model.state_dict()), run.pack.trials[0].weights.state()
        run.pack.step()
        after = run.backbone.model.state_dict()
        assert all(torch.equal(before[name], after[name]) for name in before)
        assert all(name.startswith("head.") for name in head)
        assert all(not torch.equal(tensor, head[n]) for n, tensor in run.pack.trials[0].weights.state().items())


@pytest.mark.parametrize("kind", ["all_linear", "embeddings", "dora"])
def test_lora_trains_no_weight_of_the_trunk(cache: Path, kind: str):
    run = TinyRun(cache, config_of(lora=LORA[kind], warmup_steps=0))
    plain = run.plain_model.base_model.state_dict()
    run.pack.step()
    for name, tensor in run.backbone.trunk.state_dict().items():
        if "lora_" not in name and "magnitude" not in name:
            assert torch.equal(tensor, plain[name.replace(".base.", ".")]), name


@pytest.mark.parametrize(
    ("targets", "said"),
    [(["q_prj"], "did you mean 'q_proj'"), (["atention"], "did you mean 'attention'"), (["q_proj", "nil"], "'nil'")],
)
def test_targets_that_match_nothing_are_refused(cache: Path, targets: list[str], said: str):
    with pytest.raises(UserError, match=r"lora\.targets") as caught:
        TinyRun(cache, config_of(lora=LoraConfig(targets=targets)))
    assert said in str(caught.value)


def test_nothing_to_train_is_refused(cache: Path):
    with pytest.raises(UserError, match="nothing is trained"):
        TinyRun(cache, config_of(head="generative", lora=FrozenConfig(), steps=3))


@pytest.mark.parametrize("dora", [False, True])
def test_qlora(cache: Path, dora: bool):
    """4-bit weights under fp32 adapters: as PEFT over the same de-quantised weights, and the loss falls."""
    lora = LoraConfig(rank=4, quantisation="nf4", dora=dora)
    run = TinyRun(cache, config_of(lora=lora, learning_rate=2e-3, steps=15), sharpness=1.0)
    layers = adapter_layers(run.backbone.trunk)
    assert {type(layer.base).__name__ for layer in layers.values()} == {"Linear4bit"}
    assert all(layer.base.weight.dtype == torch.uint8 for layer in layers.values())
    trial = run.pack.trials[0]
    for name, tensor in trial.weights.tensors.items():
        assert tensor.dtype == torch.float32
        assert not hasattr(tensor, "quant_state"), name
    unquantised = TinyRun(cache, config_of(lora=LoraConfig(rank=4, dora=dora)), sharpness=1.0)
    assert trial.weights.count() == unquantised.pack.trials[0].weights.count()
    before = {name: layer.base.weight.clone() for name, layer in layers.items()}
    losses = []
    for _ in range(15):
        losses += run.pack.step()
        run.pack.drop_gradients()
    assert np.mean(losses[-4:]) < np.mean(losses[:4]) - 0.01
    assert all(torch.equal(before[name], layer.base.weight) for name, layer in layers.items())


def test_qlora_gradients_are_those_of_peft(cache: Path):
    from plain_peft import PlainTrial

    run = TinyRun(cache, config_of(lora=LoraConfig(rank=4, quantisation="nf4")), sharpness=1.0)
    plain = PlainTrial(run)
    run.pack._accumulate()
    run.pack.trials[0].weights.take_gradients()
    plain.loss(0).backward()
    for name, gradient in plain.gradients().items():
        own = run.pack.trials[0].weights.tensors[name].grad
        torch.testing.assert_close(own, gradient, atol=1e-3, rtol=2e-2, msg=name)  # both multiply in bf16


@pytest.mark.parametrize("dora", [False, True])
def test_scoring_leaves_4_bit_weights_as_they_were_stored(cache: Path, dora: bool, monkeypatch: pytest.MonkeyPatch):
    """On processors with AVX512-BF16 bitsandbytes stores them otherwise once they are read without gradients, for good."""
    from bitsandbytes.nn import modules

    monkeypatch.setattr(modules, "has_avx512bf16", lambda: True)
    run = TinyRun(cache, config_of(lora=LoraConfig(rank=4, quantisation="nf4", dora=dora)))
    layers = adapter_layers(run.backbone.trunk)
    before = {name: full_weight(layer.base) for name, layer in layers.items()}
    run.pack.step()
    run.scores()
    assert all(torch.equal(full_weight(layers[name].base), weight) for name, weight in before.items())


def test_dora_keeps_no_whole_weights_beside_4_bit_ones(cache: Path):
    run = TinyRun(cache, config_of(lora=LoraConfig(rank=4, quantisation="nf4", dora=True)))
    for layer in adapter_layers(run.backbone.trunk).values():
        assert not list(layer.buffers(recurse=False))


def test_a_model_whose_adapters_are_off_is_freed_at_once(cache: Path):
    """Adapted layers of one input know each other: a cycle would keep the model until Python looks for some."""
    run = TinyRun(cache, config_of(lora=LoraConfig(rank=4)))
    frozen = weakref.ref(next(iter(adapter_layers(run.backbone.trunk).values())).base)
    layer = weakref.ref(next(iter(adapter_layers(run.backbone.trunk).values())))
    gc.collect()
    gc.disable()
    try:
        undress(run.backbone)
        del run.pack
        assert layer() is None
        assert frozen() is not None
    finally:
        gc.enable()
