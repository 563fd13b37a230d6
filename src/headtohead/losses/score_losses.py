"""Losses of a table of scores. Each declares the width it needs and how its scores become stored predictions.

A loss returns a sum per row and a weight per row; a step divides the first by the second, each summed over the whole
batch, so that micro-batches, processes and packs change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Num
from torch import Tensor
from torch.nn import functional as F

Link = Literal["softmax", "sigmoid", "corn", "identity"]


@runtime_checkable
class ScoreLoss(Protocol):
    """A loss of scores and gold answers."""

    @property
    def width(self) -> int:
        """Scores per row."""

    @property
    def link(self) -> Link:
        """How scores become stored predictions."""

    def sums(self, scores: Float[Tensor, "rows width"], targets: Num[Tensor, "rows ..."]) -> Float[Tensor, " rows"]:
        """Return the weighted loss of each row."""

    def weights(self, targets: Num[Tensor, "rows ..."]) -> Float[Tensor, " rows"]:
        """Return what each row adds to the divisor."""


@dataclass(frozen=True, slots=True)
class CrossEntropy:
    """Weighted softmax cross-entropy, as ``torch.nn.CrossEntropyLoss`` averages it."""

    class_weights: Float[Tensor, " labels"]
    label_smoothing: float
    link: Link = "softmax"

    @property
    def width(self) -> int:
        """One score per label."""
        return len(self.class_weights)

    def sums(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Weighted cross-entropy of each row."""
        return F.cross_entropy(
            scores,
            targets,
            weight=self.class_weights.to(scores),
            label_smoothing=self.label_smoothing,
            reduction="none",
        )

    def weights(self, targets: Tensor) -> Tensor:
        """The class weight of each row."""
        return self.class_weights.to(targets.device)[targets]


@dataclass(frozen=True, slots=True)
class Focal:
    """``-w (1 - p)^gamma log p`` (Lin et al. 2017, arXiv:1708.02002), with alpha as class weights."""

    class_weights: Float[Tensor, " labels"]
    gamma: float
    link: Link = "softmax"

    @property
    def width(self) -> int:
        """One score per label."""
        return len(self.class_weights)

    def sums(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Weighted focal loss of each row."""
        log_p = scores.log_softmax(dim=-1).gather(1, targets[:, None])[:, 0]
        # a power below 1 has an infinite slope at 0, which a row of probability 1 would turn into NaN
        modulation = (-torch.expm1(log_p)).clamp_min(torch.finfo(scores.dtype).tiny) ** self.gamma
        return -self.weights(targets) * modulation * log_p

    def weights(self, targets: Tensor) -> Tensor:
        """The class weight of each row."""
        return self.class_weights.to(targets.device)[targets]


@dataclass(frozen=True, slots=True)
class BinaryCrossEntropy:
    """Mean over labels of sigmoid cross-entropy, positives weighted."""

    positive_weights: Float[Tensor, " labels"]
    link: Link = "sigmoid"

    @property
    def width(self) -> int:
        """One score per label."""
        return len(self.positive_weights)

    def sums(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Loss of each row."""
        losses = F.binary_cross_entropy_with_logits(
            scores, targets.to(scores.dtype), pos_weight=self.positive_weights.to(scores), reduction="none"
        )
        return losses.mean(dim=1)

    def weights(self, targets: Tensor) -> Tensor:
        """One per row."""
        return torch.ones(len(targets), device=targets.device)


@dataclass(frozen=True, slots=True)
class Regression:
    """Squared error (``delta`` None) or Huber loss of one score.

    ``values`` are the scores that ordinal labels stand for; None where gold answers are scores already.
    """

    values: Float[Tensor, " labels"] | None
    delta: float | None
    link: Link = "identity"
    width: int = 1

    def sums(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Loss of each row."""
        gold = (targets if self.values is None else self.values.to(targets.device)[targets]).to(scores.dtype)
        if self.delta is None:
            return (scores[:, 0] - gold) ** 2
        return F.huber_loss(scores[:, 0], gold, delta=self.delta, reduction="none")

    def weights(self, targets: Tensor) -> Tensor:
        """One per row."""
        return torch.ones(len(targets), device=targets.device)


@dataclass(frozen=True, slots=True)
class Corn:
    """Conditional ordinal regression (Shi, Cao and Raschka 2021, arXiv:2111.08851).

    Score k is the logit of passing rank k given that rank k - 1 was passed; a row trains the conditions it meets, and
    the divisor counts those, as the authors' code does.
    """

    labels: int
    link: Link = "corn"

    @property
    def width(self) -> int:
        """One score per rank but the last."""
        return self.labels - 1

    def sums(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Loss of each row over the conditions it meets."""
        ranks = torch.arange(self.width, device=scores.device)
        passed = (targets[:, None] > ranks).to(scores.dtype)
        met = targets[:, None] >= ranks
        return (F.binary_cross_entropy_with_logits(scores, passed, reduction="none") * met).sum(dim=1)

    def weights(self, targets: Tensor) -> Tensor:
        """How many conditions each row meets."""
        return (targets + 1).clamp(max=self.width).float()


def stored_scores(scores: Float[Tensor, "rows width"], link: Link) -> Float[Tensor, "rows columns"]:
    """Turn a loss's scores into what a record stores: a log-probability per label, or the score itself."""
    match link:
        case "softmax":
            return scores.log_softmax(dim=-1)
        case "sigmoid":
            return F.logsigmoid(scores)
        case "identity":
            return scores
        case "corn":
            passed, stopped = F.logsigmoid(scores), F.logsigmoid(-scores)
            reached = F.pad(passed.cumsum(dim=1), (1, 0))
            return reached + F.pad(stopped, (0, 1))
