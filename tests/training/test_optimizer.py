"""Optimiser state survives a trip through safetensors bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.utils import get_total_norm

from headtohead.adapters import TrialWeights
from headtohead.config import TrainConfig
from headtohead.training.optimizer import build_optimizer, clip_gradients, load_optimizer_state, optimizer_state
from tiny_runs import ALONE, FrozenConfig, LoraConfig, TinyRun, config_of


def some_weights(seed: int, *, size: int = 96) -> TrialWeights:
    """Return weights large enough for 8-bit state (bitsandbytes keeps fewer than 4096 values in 32 bits)."""
    draw = torch.Generator().manual_seed(seed)
    weights = TrialWeights()
    stack = torch.nn.Parameter(torch.randn(2, 8, size, generator=draw))
    weights.add_slice("trunk.x.lora_a", stack, 1, 6)
    weights.add("head.weight", torch.nn.Parameter(torch.randn(size, size, generator=draw)))
    weights.add("head.bias", torch.nn.Parameter(torch.randn(size, generator=draw)))
    return weights


def take_step(weights: TrialWeights, optimizer: torch.optim.Optimizer, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    for parameter in weights.tensors.values():
        parameter.grad = torch.randn(parameter.shape, generator=draw)
    optimizer.step()


@pytest.mark.parametrize("name", ["adamw", "adamw_8bit"])
def test_round_trip(tmp_path: Path, name: str):
    config = TrainConfig(optimizer=name, weight_decay=0.1)
    weights, copy = some_weights(0), some_weights(0)
    optimizer, restored = build_optimizer(config, weights), build_optimizer(config, copy)
    assert optimizer is not None
    assert restored is not None
    for step in range(3):
        take_step(weights, optimizer, step)
    save_file(optimizer_state(optimizer), tmp_path / "optimizer.safetensors")
    copy.load(weights.state())
    stored = load_file(tmp_path / "optimizer.safetensors")
    load_optimizer_state(restored, stored)
    again = optimizer_state(restored)
    assert stored.keys() == again.keys()
    for key, tensor in stored.items():
        assert tensor.dtype == again[key].dtype, key
        assert torch.equal(tensor, again[key]), key
    for step in range(3, 6):
        take_step(weights, optimizer, step)
        take_step(copy, restored, step)
    for key, tensor in weights.state().items():
        assert torch.equal(tensor, copy.state()[key]), key


def test_eight_bits_are_eight():
    weights = some_weights(0)
    optimizer = build_optimizer(TrainConfig(optimizer="adamw_8bit"), weights)
    assert optimizer is not None
    take_step(weights, optimizer, 0)
    assert {key: tensor.dtype for key, tensor in optimizer_state(optimizer).items() if "state1" in key} == {
        "0/state1": torch.float32,
        "1/state1": torch.uint8,
        "2/state1": torch.float32,
    }


@pytest.mark.parametrize("name", ["adamw", "adamw_8bit"])
def test_trains(cache: Path, name: str):
    pack = TinyRun(cache, config_of(optimizer=name, learning_rate=2e-3, steps=15)).pack
    losses = []
    for _ in range(15):
        losses += pack.step()
        pack.drop_gradients()
    assert sum(losses[-3:]) < sum(losses[:3])


def test_vectors_are_not_decayed():
    optimizer = build_optimizer(TrainConfig(weight_decay=0.1), some_weights(0))
    assert optimizer is not None
    assert [(group["weight_decay"], [p.dim() for p in group["params"]]) for group in optimizer.param_groups] == [
        (0.1, [2, 2]),
        (0.0, [1]),
    ]


def test_nothing_to_train_has_no_optimiser(cache: Path):
    run = TinyRun(cache, config_of(head="generative", loss="cross_entropy", lora=FrozenConfig(), steps=0))
    assert run.pack.trials[0].optimizer is None
    assert optimizer_state(None) == {}
    load_optimizer_state(None, {})


def test_a_slice_shares_its_stack_s_storage():
    """Stock optimisers step the slice; the stack, which the trunk multiplies by, sees it."""
    stack = torch.nn.Parameter(torch.zeros(3, 4, 2))
    weights = TrialWeights()
    weights.add_slice("a", stack, 1, 2)
    weights.tensors["a"].data.fill_(5.0)
    assert stack.data[1, :2].eq(5).all()
    assert stack.data.sum() == 20
    stack.grad = torch.arange(24.0).view(3, 4, 2)
    weights.take_gradients()
    assert weights.tensors["a"].grad is not None
    assert weights.tensors["a"].grad.tolist() == [[8, 9], [10, 11]]
    assert weights.leaves() == [stack]
    assert weights.count() == 4
    weights.drop_gradients()
    assert stack.grad is None
    assert weights.gradients() == []


def test_weights_of_other_names_are_refused():
    weights = some_weights(0)
    with pytest.raises(KeyError, match="differ in name"):
        weights.load({"other": torch.zeros(1)})


def test_state_is_a_copy(cache: Path):
    run = TinyRun(cache, config_of(lora=LoraConfig(rank=2), warmup_steps=0))
    before = run.pack.trials[0].weights.state()
    kept = {name: tensor.clone() for name, tensor in before.items()}
    run.pack.step()
    assert all(torch.equal(before[name], kept[name]) for name in kept)


def test_where_nothing_is_decayed_there_is_one_group_in_the_same_order():
    """One call for each step instead of two; state is stored by a parameter's place in the order."""
    weights = some_weights(0)
    weights.add("head.last", torch.nn.Parameter(torch.zeros(4, 4)))
    orders = []
    for decay in (0.0, 0.1):
        optimizer = build_optimizer(TrainConfig(weight_decay=decay), weights)
        assert optimizer is not None
        orders.append([id(parameter) for group in optimizer.param_groups for parameter in group["params"]])
        assert len(optimizer.param_groups) == (2 if decay else 1)
    assert orders[0] == orders[1]


@pytest.mark.parametrize("limit", [1e-3, 0.999999, 1.0, 1.000001, 1e3, float("inf")])
def test_gradients_are_clipped_as_torch_does(limit: float):
    """Bit for bit, with limits as near to the norm as its precision goes."""
    weights, reference = some_weights(0), some_weights(0)
    for one, other in zip(weights.tensors.values(), reference.tensors.values(), strict=True):
        one.grad = torch.randn(one.shape, generator=torch.Generator().manual_seed(one.numel()))
        other.grad = one.grad.clone()
    norm = float(get_total_norm(weights.gradients(), foreach=True))
    assert clip_gradients(weights, limit * norm, ALONE) == norm
    torch.nn.utils.clip_grad_norm_(reference.tensors.values(), limit * norm, foreach=True)
    for one, other in zip(weights.gradients(), reference.gradients(), strict=True):
        assert torch.equal(one, other)


def test_gradients_within_the_limit_are_left_alone(monkeypatch: pytest.MonkeyPatch):
    """A pass over all of them would multiply by one."""
    weights = some_weights(0)
    for parameter in weights.tensors.values():
        parameter.grad = torch.ones_like(parameter)
    monkeypatch.setattr("headtohead.training.optimizer.clip_grads_with_norm_", pytest.fail)
    clip_gradients(weights, 1e6, ALONE)
