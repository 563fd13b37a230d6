"""Adapted layers of one input share its low-rank product, and answer what each would alone; gradients are the formula's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from headtohead.adapters import PackState, prepare
from headtohead.adapters import stacked as module
from headtohead.adapters.low_rank import AdaptedLinears
from headtohead.adapters.stacked import Siblings, StackedLinear
from headtohead.batching.batch import pad_right
from small_trunks import CPU, ROWS, make_trunk, read
from tiny_runs import LoraConfig

RANKS, SCALES = [2, 4], [2.0, 0.5]


def layers(outputs: tuple[int, ...], dropout: float = 0.0) -> list[StackedLinear]:
    torch.manual_seed(0)
    siblings, state = Siblings(), PackState(trials=2, training=True, keys=["a", "b"], shapes=[(2, 3), (2, 3)])
    made = [
        StackedLinear(
            nn.Linear(5, size).requires_grad_(False),
            f"layer {number}",
            features=(5, size),
            ranks=RANKS,
            scales=SCALES,
            dropouts=[0.0, dropout],
            state=state,
            device=CPU,
            siblings=siblings,
        )
        for number, size in enumerate(outputs)
    ]
    for layer in made:
        layer.lora_a.data.normal_()
        layer.lora_b.data.normal_()
    return made


def formula(layer: StackedLinear, x: Tensor) -> Tensor:
    """Return what the layer should answer, trial by trial."""
    parts = []
    for own, a, b, scale in zip(x.chunk(2), layer.lora_a, layer.lora_b, SCALES, strict=True):
        parts.append(layer.base(own) + scale * (own @ a.T) @ b)
    return torch.cat(parts)


@pytest.mark.parametrize("outputs", [(4,), (4, 6), (4, 6, 6)])
def test_outputs_and_gradients_are_those_of_the_formula(outputs: tuple[int, ...]):
    made = layers(outputs)
    x = torch.randn(4, 3, 5, requires_grad=True)
    wanted = [x, *(factor for layer in made for factor in (layer.lora_a, layer.lora_b))]
    ours, theirs = [layer(x) for layer in made], [formula(layer, x) for layer in made]
    torch.testing.assert_close(ours, theirs)
    gradients = [
        torch.autograd.grad(sum((output.sin().sum() for output in found), torch.zeros(())), wanted)
        for found in (ours, theirs)
    ]
    torch.testing.assert_close(*gradients, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("is_dropped", [False, True])
def test_gradients_are_those_of_small_differences(is_dropped: bool):
    bases = [nn.Linear(3, size).double().requires_grad_(False) for size in (2, 4)]
    torch.manual_seed(0)
    x, a, *bs = (
        torch.randn(shape, dtype=torch.float64, requires_grad=True)
        for shape in ((2, 2, 3), (2, 4, 3), (2, 2, 2), (2, 2, 4))
    )
    mask = torch.tensor([0.0, 1.5, 1.5]).double().expand(2, 2, 3) if is_dropped else None
    scales = torch.tensor([[[2.0]], [[0.5]]]).double()
    assert torch.autograd.gradcheck(lambda x, a, *bs: AdaptedLinears.apply(bases, x, mask, scales, a, *bs), (x, a, *bs))


def count_calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that takes the number of layers in each call of the shared product."""
    calls: list[int] = []
    real = module._outputs
    monkeypatch.setattr(module, "_outputs", lambda group, x: (calls.append(len(group)), real(group, x))[1])
    return calls


def test_another_input_is_another_product(monkeypatch: pytest.MonkeyPatch):
    calls, (first, second) = count_calls(monkeypatch), layers((4, 6))
    x, other = torch.randn(4, 3, 5), torch.randn(4, 3, 5)
    first(x)
    torch.testing.assert_close(second(other), formula(second, other))
    torch.testing.assert_close(first(other), formula(first, other))
    torch.testing.assert_close(second(other), formula(second, other))
    torch.testing.assert_close(second(other), formula(second, other))  # asked again, without the first
    assert calls == [2, 1, 2, 1]


def test_dropout_is_each_layer_s_own(monkeypatch: pytest.MonkeyPatch):
    calls, made = count_calls(monkeypatch), layers((4, 4), dropout=0.5)
    x = torch.randn(4, 3, 5)
    for layer in made:
        mask = layer.mask(x)
        assert mask is not None
        low = torch.cat([own @ a.T for own, a in zip((x * mask).chunk(2), layer.lora_a, strict=True)])
        update = torch.cat([s * own @ b for own, b, s in zip(low.chunk(2), layer.lora_b, SCALES, strict=True)])
        torch.testing.assert_close(layer(x), layer.base(x) + update)
    assert calls == [1, 1]
    assert not torch.equal(*(layer.mask(x) for layer in made))


def adapted(name: str) -> Any:
    """Return a small trunk with adapters of two trials that differ."""
    trunk = make_trunk(name)
    state, _ = prepare(trunk, trunk, [LoraConfig(rank=rank, targets=["all-linear"]) for rank in (2, 4)], [0, 1])
    state.keys, state.shapes = ["a", "b"], [(2, 27)] * 2
    for parameter in trunk.parameters():
        if parameter.requires_grad:
            parameter.data.normal_(std=0.1)
    return trunk


@pytest.mark.parametrize(
    ("name", "shared"),
    [("bert", [3, 1, 1, 1]), ("llama", [3, 1, 2, 1]), ("modernbert", [1, 1, 1, 1]), ("qwen3", [3, 1, 2, 1])],
)
def test_every_layer_is_read_once_and_siblings_together(monkeypatch: pytest.MonkeyPatch, name: str, shared: list[int]):
    trunk, calls, bases = adapted(name), count_calls(monkeypatch), []
    for layer in trunk.modules():
        if isinstance(layer, StackedLinear):
            layer.base.register_forward_hook(lambda base, *_: bases.append(base))
    read(trunk, pad_right(ROWS[:4], 0, CPU).trunk_inputs(torch.float32))
    assert calls[: 2 * len(shared)] == shared * 2
    assert len(bases) == len(set(bases)) == sum(calls)


@pytest.mark.slow  # a Python of its own: types that are checked at run time cannot be compiled
@pytest.mark.parametrize("name", ["bert", "llama"])
def test_a_trunk_compiles_in_one_graph(name: str):
    script = f"""
import torch
from small_trunks import CPU, ROWS, read
from test_siblings import adapted
from headtohead.batching.batch import pad_right

trunk = adapted({name!r})
inputs = pad_right(ROWS[:4], 0, CPU).trunk_inputs(torch.float32)
wanted = [parameter for parameter in trunk.parameters() if parameter.requires_grad]
found = [
    torch.autograd.grad(read(model, inputs).sin().sum(), wanted, materialize_grads=True)
    for model in (trunk, torch.compile(trunk, backend="aot_eager", fullgraph=True))
]
torch.testing.assert_close(*found)
"""
    tests = Path(__file__).parents[1]
    places = os.pathsep.join([str(tests), str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
