"""One trial of a pack: its head, weights, optimiser, plan and progress."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from headtohead.adapters import TrialWeights
from headtohead.batching.encode import EncodedRows
from headtohead.batching.plan import epoch_batches
from headtohead.config import TrainConfig
from headtohead.heads import Head
from headtohead.losses.score_losses import Link
from headtohead.training.objective import Objective
from headtohead.training.optimizer import build_optimizer, load_optimizer_state, optimizer_state
from headtohead.training.schedule import planned_steps, steps_of


@dataclass(slots=True)
class Progress:
    """Where a trial stands; everything that resuming needs besides tensors."""

    step: int = 0
    """Optimiser steps done."""
    best_value: float | None = None
    best_step: int = 0
    evaluations_since_best: int = 0
    status: str = "training"
    """training, done, stopped (early), pruned (by a sweep) or diverged."""
    reason: str = ""
    seconds: float = 0.0
    tokens: int = 0
    """Real tokens read in training, prompts and labels."""
    padded_tokens: int = 0


@dataclass(slots=True, kw_only=True)
class Trial:
    """A configuration with its own seed, sharing nothing trainable with its neighbours."""

    seed: int
    config: TrainConfig
    head: Head
    objective: Objective
    link: Link
    weights: TrialWeights
    rows: EncodedRows | None
    """Training rows; None for a trial that only scores."""
    progress: Progress = field(default_factory=Progress)
    best: dict[str, Tensor] = field(default_factory=dict)
    optimizer: torch.optim.Optimizer | None = field(init=False)
    _counts: dict[int, int] = field(init=False, default_factory=dict)
    _planned: tuple[int, list[np.ndarray]] = field(init=False, default=(-1, []))

    def __post_init__(self) -> None:
        self.optimizer = build_optimizer(self.config, self.weights)

    @property
    def training_rows(self) -> EncodedRows:
        """The rows of a trial that trains."""
        assert self.rows is not None
        return self.rows

    @property
    def is_training(self) -> bool:
        """Whether the trial still takes steps."""
        return self.progress.status == "training"

    @property
    def has_ended(self) -> bool:
        """Whether the trial takes no further step."""
        return not self.is_training or self.progress.step >= self.total_steps

    @property
    def steps_per_epoch(self) -> int:
        """Batches of the first epoch (token budgets may cut later ones a little differently)."""
        return self._batch_count(0)

    @property
    def total_steps(self) -> int:
        """Steps of the whole training."""
        return planned_steps(self.config, self.steps_per_epoch)

    def evaluates_after(self, step: int) -> bool:
        """Whether an evaluation follows the ``step``-th step (from 1)."""
        if step == self.total_steps:
            return True
        if self.config.evaluate_at:
            return step in (steps_of(epochs, self.steps_per_epoch) for epochs in self.config.evaluate_at)
        return step % steps_of(self.config.evaluate_every, self.steps_per_epoch) == 0

    def batch_rows(self, step: int) -> np.ndarray:
        """Return the row indices of a step (from 0); a finished trial goes round its plan again."""
        step %= max(1, self.total_steps)
        epoch = 0
        while step >= self._batch_count(epoch):
            step -= self._batch_count(epoch)
            epoch += 1
        return self._batches(epoch)[step]

    def _batch_count(self, epoch: int) -> int:
        """Batches of an epoch: always the same by rows, a little different each time by tokens."""
        if epoch not in self._counts:
            self._counts[epoch] = len(self._batches(epoch if self.config.batch_tokens else 0))
        return self._counts[epoch]

    def _batches(self, epoch: int) -> list[np.ndarray]:
        """Plan an epoch; the one in use is kept."""
        if self._planned[0] != epoch:
            lengths = self.training_rows.lengths
            self._planned = (epoch, epoch_batches(lengths, self.config, seed=self.seed, epoch=epoch))
        return self._planned[1]

    def note_evaluation(self, value: float, *, higher_is_better: bool) -> bool:
        """Take in a validation metric; return whether it is the best so far.

        Ties keep the earlier weights, and a metric that is not a number is no better than any. Stops the trial when
        patience has run out.
        """
        best = self.progress.best_value
        better = math.isfinite(value) and (best is None or (value > best if higher_is_better else value < best))
        if better:
            self.progress.best_value, self.progress.best_step = value, self.progress.step
            self.progress.evaluations_since_best = 0
            if self.config.keep_best and self.progress.step < self.total_steps:
                self.best = self.weights.state()
            elif self.config.keep_best:
                self.best = {}  # the last step is the best: its weights are the ones in place
        else:
            self.progress.evaluations_since_best += 1
        patience = self.config.patience
        if patience is not None and self.progress.evaluations_since_best >= patience and self.is_training:
            self.progress.status, self.progress.reason = "stopped", f"no better metric in {patience} evaluations"
        return better

    def finish(self) -> None:
        """Put the best weights in place, if they are not the last."""
        if self.config.keep_best and self.best and self.progress.best_step < self.progress.step:
            self.weights.load(self.best)
        self.best = {}
        if self.is_training:
            self.progress.status = "done"

    def diverge(self, reason: str) -> None:
        """Stop for good: a non-finite number is never trained on, nor turned into a class."""
        self.progress.status, self.progress.reason = "diverged", reason

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """Return everything a checkpoint holds, by file."""
        state = optimizer_state(self.optimizer, self.weights.gather)
        return {"weights": self.weights.state(), "optimizer": state, "best": self.best}

    def restore(self, tensors: dict[str, dict[str, Tensor]], progress: dict[str, Any]) -> None:
        """Take up where a checkpoint left off."""
        self.weights.load(tensors["weights"])
        load_optimizer_state(self.optimizer, tensors["optimizer"], self.weights.scatter)
        self.best = tensors["best"]
        self.progress = Progress(**progress)

    def progress_dict(self) -> dict[str, Any]:
        """Return the JSON-ready progress."""
        return asdict(self.progress)
