"""Losses against torch, scikit-learn and the papers' formulas; what is stored are probabilities."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from headtohead.losses.score_losses import (
    BinaryCrossEntropy,
    Corn,
    CrossEntropy,
    Focal,
    Regression,
    ScoreLoss,
    stored_scores,
)
from plain_peft import corn_loss

seeds = st.integers(0, 2**32 - 1)


def draw_scores(rows: int, width: int, seed: int, *, scale: float = 3.0) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * scale


def draw_targets(rows: int, labels: int, seed: int) -> Tensor:
    return torch.randint(labels, (rows,), generator=torch.Generator().manual_seed(seed + 1))


def draw_weights(labels: int, seed: int) -> Tensor:
    return torch.rand(labels, generator=torch.Generator().manual_seed(seed + 2), dtype=torch.float64) + 0.1


def mean_of(loss: ScoreLoss, scores: Tensor, targets: Tensor) -> Tensor:
    return loss.sums(scores, targets).sum() / loss.weights(targets).sum()


@given(rows=st.integers(1, 9), labels=st.integers(2, 6), smoothing=st.floats(0, 0.9), seed=seeds)
def test_cross_entropy_is_torch_s(rows: int, labels: int, smoothing: float, seed: int):
    scores, targets, weights = (
        draw_scores(rows, labels, seed),
        draw_targets(rows, labels, seed),
        draw_weights(labels, seed),
    )
    ours = mean_of(CrossEntropy(weights, smoothing), scores, targets)
    torch.testing.assert_close(ours, F.cross_entropy(scores, targets, weight=weights, label_smoothing=smoothing))


@given(rows=st.integers(1, 9), labels=st.integers(2, 6), seed=seeds)
def test_focal_without_gamma_is_cross_entropy(rows: int, labels: int, seed: int):
    scores, targets, weights = (
        draw_scores(rows, labels, seed),
        draw_targets(rows, labels, seed),
        draw_weights(labels, seed),
    )
    torch.testing.assert_close(
        mean_of(Focal(weights, 0.0), scores, targets), mean_of(CrossEntropy(weights, 0.0), scores, targets)
    )


@given(rows=st.integers(1, 9), labels=st.integers(2, 6), gamma=st.floats(0.1, 5), seed=seeds)
def test_focal_is_the_paper_s(rows: int, labels: int, gamma: float, seed: int):
    scores, targets = draw_scores(rows, labels, seed), draw_targets(rows, labels, seed)
    p = scores.softmax(dim=-1)[torch.arange(rows), targets]
    expected = (-((1 - p) ** gamma) * p.log()).mean()
    torch.testing.assert_close(mean_of(Focal(torch.ones(labels), gamma), scores, targets), expected)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_focal_of_a_certain_row_has_finite_gradients(gamma: float):
    """A power below 1 has an infinite slope at 0: one row of probability 1 would make a healthy run diverge."""
    scores = torch.tensor([[200.0, 0.0], [-1.0, 1.0], [-200.0, 0.0]], requires_grad=True)
    Focal(torch.ones(2), gamma).sums(scores, torch.tensor([0, 0, 0])).sum().backward()
    assert scores.grad is not None
    assert torch.isfinite(scores.grad).all()
    assert (scores.grad[1:] != 0).all()


@given(rows=st.integers(1, 9), labels=st.integers(1, 6), seed=seeds)
def test_binary_cross_entropy_is_torch_s(rows: int, labels: int, seed: int):
    scores, weights = draw_scores(rows, labels, seed), draw_weights(labels, seed) * 4
    targets = (draw_scores(rows, labels, seed + 3) > 0).long()
    ours = mean_of(BinaryCrossEntropy(weights), scores, targets)
    torch.testing.assert_close(
        ours, F.binary_cross_entropy_with_logits(scores, targets.double(), pos_weight=weights), check_dtype=False
    )


@given(rows=st.integers(1, 9), delta=st.none() | st.floats(0.1, 3), seed=seeds, ordinal=st.booleans())
def test_regression_is_torch_s(rows: int, delta: float | None, seed: int, ordinal: bool):
    scores = draw_scores(rows, 1, seed)
    values = torch.tensor([1.0, 2.0, 5.0, 10.0], dtype=torch.float64)
    targets = draw_targets(rows, 4, seed) if ordinal else draw_scores(rows, 1, seed + 1)[:, 0]
    gold = values[targets] if ordinal else targets
    expected = F.mse_loss(scores[:, 0], gold) if delta is None else F.huber_loss(scores[:, 0], gold, delta=delta)
    ours = mean_of(Regression(values if ordinal else None, delta), scores, targets)
    torch.testing.assert_close(ours, expected)


@given(rows=st.integers(1, 9), labels=st.integers(2, 7), seed=seeds)
def test_corn_is_the_paper_s(rows: int, labels: int, seed: int):
    scores, targets = draw_scores(rows, labels - 1, seed), draw_targets(rows, labels, seed)
    ours = mean_of(Corn(labels), scores, targets)
    torch.testing.assert_close(ours, corn_loss(scores, targets, labels), check_dtype=False)


@given(rows=st.integers(1, 9), labels=st.integers(2, 7), seed=seeds, scale=st.sampled_from([1.0, 50.0]))
def test_corn_stores_probabilities_of_a_chain(rows: int, labels: int, seed: int, scale: float):
    scores = draw_scores(rows, labels - 1, seed, scale=scale)
    p = stored_scores(scores, "corn").exp()
    torch.testing.assert_close(p.sum(dim=1), torch.ones(rows, dtype=torch.float64))
    passes = torch.cat([torch.ones(rows, 1), scores.sigmoid().cumprod(dim=1)], dim=1)  # P(rank > k)
    expected = passes - torch.cat([passes[:, 1:], torch.zeros(rows, 1)], dim=1)
    torch.testing.assert_close(p, expected, atol=1e-12, rtol=1e-9)


@given(rows=st.integers(1, 5), width=st.integers(1, 5), seed=seeds)
def test_other_links(rows: int, width: int, seed: int):
    scores = draw_scores(rows, width, seed)
    torch.testing.assert_close(stored_scores(scores, "softmax").exp(), scores.softmax(dim=-1))
    torch.testing.assert_close(stored_scores(scores, "sigmoid").exp(), scores.sigmoid())
    assert stored_scores(scores, "identity") is scores


LOSSES: dict[str, tuple[ScoreLoss, Callable[[int], Tensor]]] = {
    "cross_entropy": (CrossEntropy(draw_weights(4, 0), 0.1), lambda rows: draw_targets(rows, 4, 0)),
    "focal": (Focal(draw_weights(4, 0), 1.5), lambda rows: draw_targets(rows, 4, 0)),
    "bce": (BinaryCrossEntropy(draw_weights(3, 0)), lambda rows: (draw_scores(rows, 3, 1) > 0).long()),
    "mse": (Regression(None, None), lambda rows: draw_scores(rows, 1, 1)[:, 0]),
    "huber": (Regression(torch.arange(4.0), 0.7), lambda rows: draw_targets(rows, 4, 0)),
    "corn": (Corn(5), lambda rows: draw_targets(rows, 5, 0)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_gradients(name: str):
    loss, targets = LOSSES[name]
    scores = draw_scores(6, loss.width, 7, scale=1.0).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda s: loss.sums(s, targets(6)), (scores,))


@pytest.mark.parametrize("name", LOSSES)
@given(cut=st.integers(0, 6))
def test_sums_and_weights_add_up_over_any_cut(name: str, cut: int):
    """Micro-batches and processes divide a step at any row."""
    loss, targets = LOSSES[name]
    scores, gold = draw_scores(6, loss.width, 7), targets(6)
    assume(0 < cut < 6)
    for table in (loss.sums(scores, gold), loss.weights(gold)):
        assert table.shape == (6,)
    for part in (slice(0, cut), slice(cut, 6)):
        torch.testing.assert_close(loss.sums(scores[part], gold[part]), loss.sums(scores, gold)[part])
        torch.testing.assert_close(loss.weights(gold[part]), loss.weights(gold)[part])
    assert np.isfinite(float(mean_of(loss, scores, gold)))
