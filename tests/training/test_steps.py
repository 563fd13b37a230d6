"""How a step is cut up changes nothing: micro-batches, running out of memory, recomputed activations."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from headtohead.classifiers.build_pack import build_pack, undress
from headtohead.config import Config
from headtohead.errors import UserError, has_lost_device, is_out_of_memory
from headtohead.training import Pack
from tiny_runs import ALONE, FullConfig, LoraConfig, TinyRun, config_of, labels_of

CASES: dict[str, Callable[..., Config]] = {
    "lora": lambda **train: config_of(loss_options={"class_weights": "balanced"}, **train),
    "focal": lambda **train: config_of(loss="focal", loss_options={"class_weights": "balanced"}, **train),
    "generative": lambda **train: config_of(head="generative", **train),
    "restricted": lambda **train: config_of(head="generative", loss="cross_entropy", **train),
    "encoder": lambda **train: config_of(architecture="bert", **train),
    "full": lambda **train: config_of(lora=FullConfig(), **train),
}
UNEVEN = [0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 0] * 4


def first_step(pack: Pack) -> tuple[list[float], list[dict[str, torch.Tensor]]]:
    """Return the first step's losses and gradients, running out of memory handled as training does."""
    found: list[dict[str, torch.Tensor]] = []

    def keep(trial: Any, loss: float) -> float:
        trial.weights.take_gradients()
        found.append({n: t.grad.clone() for n, t in trial.weights.tensors.items() if t.grad is not None})
        return loss

    pack._update = keep  # type: ignore[method-assign]
    return pack.step(), found


def assert_same_step(first: Pack, second: Pack, *, atol: float = 1e-6) -> None:
    (losses, gradients), (other_losses, other_gradients) = first_step(first), first_step(second)
    np.testing.assert_allclose(losses, other_losses, atol=atol)
    for own, other in zip(gradients, other_gradients, strict=True):
        assert own.keys() == other.keys()
        assert max(float(tensor.abs().max()) for tensor in own.values()) > 1e-3
        for name, tensor in own.items():
            torch.testing.assert_close(tensor, other[name], atol=atol, rtol=1e-5, msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("rows", [1, 3])
def test_accumulation_changes_nothing(cache: Path, case: str, rows: int):
    whole = TinyRun(cache, CASES[case](), targets=UNEVEN)
    cut = TinyRun(cache, CASES[case](micro_batch_size=rows), targets=UNEVEN)
    assert_same_step(whole.pack, cut.pack)
    assert whole.pack.trials[0].progress.tokens == cut.pack.trials[0].progress.tokens


def test_accumulation_of_conditions_met(cache: Path):
    """CORN divides by the conditions a row meets, which differ between micro-batches."""
    labels = labels_of("ordinal")
    whole, cut = (
        TinyRun(cache, config_of(loss="corn", micro_batch_size=rows), labels=labels).pack for rows in (None, 2)
    )
    assert_same_step(whole, cut)


def fail_forward(pack: Pack, fails: Callable[[int, int], bool]) -> list[int]:
    """Make the trunk run out of memory where ``fails(call, rows)`` says; return the rows of every call."""
    forward, calls = pack.trunk.forward, []

    def limited(*arguments: Any, **inputs: Any) -> Any:
        calls.append(len(inputs["packed"].real))
        if fails(len(calls), calls[-1]):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return forward(*arguments, **inputs)

    pack.trunk.forward = limited  # type: ignore[method-assign]
    return calls


def test_running_out_of_memory_halves_and_keeps_the_gradient(cache: Path):
    whole, short = TinyRun(cache, config_of()).pack, TinyRun(cache, config_of()).pack
    calls = fail_forward(short, lambda call, rows: rows > 3)
    assert_same_step(whole, short)
    assert calls == [8, 4, 2, 2, 2, 2]
    assert short.micro_rows == 2
    assert short.notes == ["out of memory: 2 rows per forward pass instead of 8, same effective batch"]
    assert short.trials[0].progress.tokens == whole.trials[0].progress.tokens


def test_running_out_in_a_later_micro_batch_drops_what_was_accumulated(cache: Path):
    whole, short = TinyRun(cache, config_of()).pack, TinyRun(cache, config_of(micro_batch_size=4)).pack
    calls = fail_forward(short, lambda call, rows: call == 2)
    assert_same_step(whole, short)
    assert calls == [4, 4, 2, 2, 2, 2]
    assert short.trials[0].progress.tokens == whole.trials[0].progress.tokens


def test_running_out_in_a_pack(cache: Path):
    configs = [config_of(seed=seed, lora=LoraConfig(rank=4, dropout=0.0), batch_size=6 + seed) for seed in (0, 1)]
    whole, short = TinyRun(cache, configs).pack, TinyRun(cache, configs).pack
    fail_forward(short, lambda call, rows: rows > 8)
    assert_same_step(whole, short)


@pytest.mark.parametrize("place", ["between siblings", "in the head"])
def test_running_out_keeps_nothing_of_what_was_computed(cache: Path, place: str):
    """Up's output waits for its turn while gate's is read, and both hold all that led to them."""
    whole, short = TinyRun(cache, config_of()).pack, TinyRun(cache, config_of()).pack
    perceptron: Any = short.trunk.layers[1].mlp  # type: ignore[index,union-attr]
    read: list[weakref.ref[torch.Tensor]] = []

    def note(module: torch.nn.Module, inputs: tuple[torch.Tensor]) -> None:
        assert not read or read[0]() is None, "it is held until another takes its place"
        read.append(weakref.ref(inputs[0]))

    perceptron.register_forward_pre_hook(note)
    limited: Any = perceptron.act_fn if place == "between siblings" else short.trials[0].head.shell.score

    def forward(*arguments: Any) -> Any:
        if len(read) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return type(limited).forward(limited, *arguments)

    limited.forward = forward
    assert_same_step(whole, short)
    assert len(read) == 3


def test_what_is_known_of_memory_is_not_learnt_again(cache: Path):
    run = TinyRun(cache, [config_of(seed=seed, batch_size=8) for seed in range(2)])
    fail_forward(run.pack, lambda call, rows: rows > 8)
    run.pack.step()
    limits = run.pack.limits
    undress(run.backbone)
    following = build_pack(run.configs, run.backbone, run.readers, run.labels, run.rows, processes=ALONE, limits=limits)
    assert following.micro_rows == 4
    assert following.notes == ["out of memory: 4 rows per forward pass instead of 8, same effective batch"]
    undress(run.backbone)
    fewer = build_pack(
        run.configs[:1], run.backbone, run.readers[:1], run.labels, run.rows, processes=ALONE, limits=limits
    )
    assert fewer.micro_rows == 8


def test_one_row_too_many_is_a_message(cache: Path):
    pack = TinyRun(cache, config_of()).pack
    fail_forward(pack, lambda call, rows: True)
    with pytest.raises(UserError, match="gradient_checkpointing"):
        pack.step()


def test_no_room_for_the_update_is_a_message(cache: Path, monkeypatch: pytest.MonkeyPatch):
    """Half a step cannot be taken again, and smaller micro-batches would not help it."""
    pack = TinyRun(cache, config_of()).pack

    def exhausted(*arguments: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")

    monkeypatch.setattr(pack.trials[0].optimizer, "step", exhausted)
    with pytest.raises(UserError, match=r"updating the weights.*adamw_8bit"):
        pack.step()


def test_no_room_for_the_model_is_a_message(cache: Path, monkeypatch: pytest.MonkeyPatch):
    def exhausted(*arguments: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")

    monkeypatch.setattr(torch.nn.Module, "to", exhausted)
    with pytest.raises(UserError, match="out of memory loading model=tiny"):
        TinyRun(cache, config_of())


@pytest.mark.parametrize(
    ("said", "is_memory"),
    [
        ("CUDA out of memory. Tried to allocate 20.00 MiB", True),
        ("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes", True),
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", True),
        ("CUDA error: device-side assert triggered", False),
    ],
)
def test_what_a_device_says(said: str, is_memory: bool):
    error = RuntimeError(said)
    assert is_out_of_memory(error) == is_memory
    assert has_lost_device(error) == (not is_memory)


def test_other_errors_pass_through(cache: Path):
    pack = TinyRun(cache, config_of()).pack

    def broken(*arguments: Any, **inputs: Any) -> Any:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    pack.trunk.forward = broken  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        pack.step()


def test_running_out_while_scoring_halves_too(cache: Path):
    whole, short = TinyRun(cache, config_of(head="generative")), TinyRun(cache, config_of(head="generative"))
    fail_forward(short.pack, lambda call, rows: rows > 5)
    np.testing.assert_allclose(whole.scores(), short.scores(), atol=1e-5)
    short.scores()
    assert [note for note in short.pack.notes if "while scoring" in note] == short.pack.notes[:1]
    fail_forward(short.pack, lambda call, rows: True)
    with pytest.raises(UserError, match="out of memory"):
        short.scores()


@pytest.mark.parametrize("architecture", ["llama", "qwen3", "bert", "modernbert"])
def test_checkpointing_gives_the_same_gradients(cache: Path, architecture: str):
    lora = LoraConfig(rank=4, dropout=0.3)
    plain, recomputed = (
        TinyRun(cache, config_of(architecture=architecture, lora=lora, gradient_checkpointing=on)).pack
        for on in (False, True)
    )
    assert_same_step(plain, recomputed)


def test_checkpointing_of_the_trunk_s_own_dropout(cache: Path):
    plain, recomputed = (
        TinyRun(cache, config_of(architecture="bert", trunk_dropout=True, gradient_checkpointing=on)).pack
        for on in (False, True)
    )
    assert_same_step(plain, recomputed)


def test_checkpointing_recomputes(cache: Path):
    """Otherwise the two tests above compare a thing with itself."""
    pack = TinyRun(cache, config_of(gradient_checkpointing=True)).pack
    layer = pack.trunk.layers[0].mlp  # type: ignore[union-attr,index]
    calls = []
    layer.register_forward_pre_hook(lambda *arguments: calls.append(1))  # type: ignore[union-attr]
    pack.step()
    assert len(calls) == 2


def test_the_trunk_s_own_dropout_is_on_in_training_only(cache: Path):
    run = TinyRun(cache, config_of(architecture="bert", trunk_dropout=True))
    assert np.array_equal(run.scores(), run.scores())
    first, second = ([run.pack._accumulate()[0] for _ in range(2)] for _ in range(2))
    assert first == second, "random numbers follow from seed and step"
    without = TinyRun(cache, config_of(architecture="bert"))
    assert abs(without.pack._accumulate()[0] - first[0]) > 1e-4


def test_micro_batches_draw_their_own_dropout(cache: Path):
    """Equal rows in two micro-batches of one step are dropped differently."""
    texts, targets = ["the quick brown fox"] * 8, [0, 1] * 4
    options: dict[str, Any] = {"micro_batch_size": 4, "batch_size": 8}
    for config in (
        config_of(architecture="bert", trunk_dropout=True, **options),
        config_of(lora=LoraConfig(rank=4, dropout=0.5), **options),
    ):
        pack = TinyRun(cache, config, texts=texts, targets=targets).pack
        for layer in pack.trials[0].weights.tensors.values():  # LoRA's B is zero at first
            layer.data.add_(0.02)
        rows = [np.arange(4)]
        first, second = (pack._micro_batch(rows, [1.0], micro)[0] for micro in (0, 1))
        assert first != second


@pytest.mark.slow  # this processor may have to emulate bf16
@pytest.mark.parametrize("case", ["lora", "full", "generative"])
def test_bf16_trains_fp32_weights(cache: Path, case: str):
    pack = TinyRun(cache, CASES[case](precision="bf16", learning_rate=2e-3, steps=12, batch_size=64)).pack
    assert all(tensor.dtype == torch.float32 for tensor in pack.trials[0].weights.tensors.values())
    frozen = next(p for p in pack.trunk.parameters() if case == "full" or not p.requires_grad)
    assert frozen.dtype == (torch.float32 if case == "full" else torch.bfloat16)
    losses = []
    for _ in range(12):
        losses += pack.step()
        pack.drop_gradients()
    assert np.isfinite(losses).all()
    assert np.mean(losses[-3:]) < np.mean(losses[:3])


def test_bf16_scores_a_tree_of_labels(cache: Path):
    labels = labels_of(words=("sport", "world news", "entertaining", "tech"))
    exact, rounded = (
        TinyRun(cache, config_of(head="generative", lora=lora, precision=precision), labels=labels).scores()
        for lora, precision in ((LoraConfig(), "fp32"), (FullConfig(), "bf16"))
    )
    assert np.abs(np.exp(exact) - np.exp(rounded)).max() < 0.05
