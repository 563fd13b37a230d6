"""A pack of one against PEFT's own layers in a plain loop: same start, same rows, same losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from plain_peft import PlainTrial
from tiny_runs import FrozenConfig, FullConfig, LoraConfig, TinyRun, config_of, labels_of

pytestmark = pytest.mark.slow  # PEFT and a plain loop beside every architecture, head and kind of adapter

STEPS = 20
LEARNING_RATE = 5e-4

LORA: dict[str, Any] = {
    "all_linear": LoraConfig(rank=4),
    "attention": LoraConfig(rank=4, targets=["attention"]),
    "list": LoraConfig(rank=3, alpha_over_rank=4.0, targets=["q_proj", "down_proj"]),
    "rslora": LoraConfig(rank=16, alpha_over_rank=0.5, scaling="rslora"),
    "embeddings": LoraConfig(rank=4, embeddings=True),
    "dora": LoraConfig(rank=4, dora=True),
    "top_layers": LoraConfig(rank=4, top_layers=0.5),
    "full": FullConfig(),
    "full_but_embeddings": FullConfig(embeddings=False),
    "frozen": FrozenConfig(),
}


def compare(run: TinyRun, *, steps: int = STEPS, atol: float = 1e-5) -> None:
    """Check one step's losses and gradients from the same state, then the losses of free-running steps."""
    plain = PlainTrial(run)
    trial = run.pack.trials[0]
    run.pack._accumulate()
    trial.weights.take_gradients()
    plain.loss(0).backward()
    ours = {name: tensor.grad for name, tensor in trial.weights.tensors.items() if tensor.grad is not None}
    theirs = plain.gradients()
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours.get(name, torch.zeros_like(gradient)), gradient, atol=1e-5, rtol=1e-4, msg=name)
    assert sum(float(gradient.abs().sum()) for gradient in theirs.values()) > 1e-3
    run.pack.drop_gradients()
    plain.optimizer.zero_grad()
    losses = []
    for step in range(steps):
        (own,) = run.pack.step()
        run.pack.drop_gradients()
        losses.append((own, plain.step(step)))
    own_losses, plain_losses = np.asarray(losses).T
    np.testing.assert_allclose(own_losses, plain_losses, atol=atol)
    assert np.ptp(plain_losses) > 1e-2, "training moved"


@pytest.mark.parametrize(
    ("head", "kind"),
    [("classification", kind) for kind in LORA]
    + [("generative", kind) for kind in ("all_linear", "embeddings", "dora", "full", "full_but_embeddings")],
)
def test_decoder(cache: Path, kind: str, head: str):
    steps = STEPS if kind in ("all_linear", "dora", "full") else 8
    config = config_of(head=head, lora=LORA[kind], learning_rate=LEARNING_RATE, steps=steps)
    compare(TinyRun(cache, config), steps=steps)


@pytest.mark.parametrize("kind", ["all_linear", "dora", "full"])
@pytest.mark.parametrize("architecture", ["bert", "modernbert", "qwen2", "qwen3"])
def test_other_architectures(cache: Path, architecture: str, kind: str):
    """Biases (Qwen2's attention, all of BERT), a pooler that is trained with the head, a readout with a norm."""
    config = config_of(architecture=architecture, lora=LORA[kind], learning_rate=LEARNING_RATE, steps=5)
    compare(TinyRun(cache, config, sharpness=2.0), steps=5)


LOSSES: dict[str, dict[str, Any]] = {
    "smoothed": {"loss": "cross_entropy", "loss_options": {"label_smoothing": 0.1, "class_weights": "balanced"}},
    "focal": {"loss": "focal", "loss_options": {"gamma": 2.0, "class_weights": "balanced"}},
    "bce": {"loss": "bce", "kind": "multi"},
    "mse": {"loss": "mse", "kind": "ordinal", "head": "regression"},
    "huber": {"loss": "huber", "loss_options": {"delta": 0.5}, "kind": "real", "head": "regression"},
    "corn": {"loss": "corn", "kind": "ordinal"},
    "restricted": {"loss": "cross_entropy", "head": "generative"},
}


@pytest.mark.parametrize("case", LOSSES)
def test_losses(cache: Path, case: str):
    options = dict(LOSSES[case])
    labels = labels_of(options.pop("kind", "single"))
    config = config_of(learning_rate=LEARNING_RATE, steps=8, **options)
    targets = [i % 7 % len(labels) for i in range(48)] if labels.kind == "single" else None  # uneven classes
    compare(TinyRun(cache, config, labels=labels, targets=targets), steps=8)


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_optimisers(cache: Path, schedule: str):
    """Schedule, decay, clipping that bites, and none."""
    for clip, warmup in ((0.05, None), (0.0, 3)):
        config = config_of(
            schedule=schedule,
            clip_norm=clip,
            warmup_steps=warmup,
            weight_decay=0.1,
            beta2=0.99,
            learning_rate=LEARNING_RATE,
            steps=10,
        )
        compare(TinyRun(cache, config), steps=10)


@pytest.mark.parametrize("pooling", ["last", "mean", "cls"])
def test_pooled_readouts(cache: Path, pooling: str):
    compare(TinyRun(cache, config_of(pooling=pooling, learning_rate=LEARNING_RATE, steps=5)), steps=5)
