"""What one trial minimises: a loss of its head's scores, or the likelihood of its gold labels' tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from headtohead.batching.batch import Batch
from headtohead.heads import GenerativeHead, Head
from headtohead.losses import ScoreLoss


@runtime_checkable
class Objective(Protocol):
    """A sum over rows and what to divide it by, so that any cut into micro-batches gives the same gradient."""

    def batch(self, prompts: list[list[int]], targets: np.ndarray) -> Batch:
        """Return what the trunk must read."""

    def loss_sum(self, outputs: Any, batch: Batch, targets: np.ndarray) -> Float[Tensor, ""]:
        """Return the summed loss of the rows."""

    def divisor(self, targets: np.ndarray) -> float:
        """Return what the rows add to the divisor of their step."""


@dataclass(frozen=True, slots=True)
class ScoreObjective:
    """A loss of scores."""

    head: Head
    loss: ScoreLoss

    def batch(self, prompts: list[list[int]], targets: np.ndarray) -> Batch:
        """What the head reads to score the rows."""
        return self.head.batch(prompts)

    def loss_sum(self, outputs: Any, batch: Batch, targets: np.ndarray) -> Tensor:
        """Sum of the rows' losses."""
        scores = self.head.scores(outputs, batch)
        return self.loss.sums(scores, torch.as_tensor(targets, device=scores.device)).sum()

    def divisor(self, targets: np.ndarray) -> float:
        """Sum of the rows' weights."""
        return float(self.loss.weights(torch.as_tensor(targets)).sum())


@dataclass(frozen=True, slots=True)
class TokenObjective:
    """Cross-entropy over the full vocabulary, averaged over label and end tokens as generative fine-tuning does."""

    head: GenerativeHead
    class_weights: Float[Tensor, " labels"]

    def batch(self, prompts: list[list[int]], targets: np.ndarray) -> Batch:
        """Prompts with their gold labels."""
        return self.head.gold_batch(prompts, targets.tolist())

    def loss_sum(self, outputs: Any, batch: Batch, targets: np.ndarray) -> Tensor:
        """Weighted sum over tokens."""
        losses = self.head.gold_losses(outputs, batch, targets.tolist())
        return (losses * self.class_weights.to(losses.device)[torch.as_tensor(targets, device=losses.device)]).sum()

    def divisor(self, targets: np.ndarray) -> float:
        """Weighted number of trained tokens; every row has at least two."""
        return float(sum(self.class_weights[target] * self.head.gold_tokens(target) for target in targets.tolist()))
