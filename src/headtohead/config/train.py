"""How a trial is trained."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from headtohead.errors import UserError, require_choice

POSITIVE = ("epochs", "learning_rate", "epsilon", "evaluate_every")
NOT_NEGATIVE = ("steps", "weight_decay", "warmup_steps", "clip_norm", "checkpoint_seconds")
AT_LEAST_ONE = ("batch_size", "batch_tokens", "micro_batch_size", "patience", "score_batch_tokens")


@dataclass(kw_only=True, slots=True)
class TrainConfig:
    """Budget, optimiser, schedule, evaluation and checkpoints of one trial."""

    epochs: float | None = None
    """How often every row is read; null (or auto): as often as ``training.schedule`` has it for so many rows."""
    steps: int | None = None
    """Optimiser steps; overrides epochs. 0 trains nothing (zero-shot)."""
    batch_size: int = 8
    """Rows per optimiser step, whatever the number of processes and micro-batches."""
    batch_tokens: int | None = None
    """Instead of batch_size: as many rows of like length as fit this many tokens, padding included."""
    micro_batch_size: int | None = None
    """Rows per forward pass (gradient accumulation); null means the whole batch."""
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    schedule: str = "linear"
    warmup_fraction: float = 0.1
    warmup_steps: int | None = None
    """Overrides warmup_fraction, unless they are more than the run has."""
    clip_norm: float = 1.0
    """Largest gradient norm of a trial; 0 means no clipping."""
    optimizer: str = "adamw"
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    length_buckets: bool = False
    """Batch rows of like length together (windows of 50 batches are sorted, batches are shuffled). It saves padding where
    rows are padded (an architecture or attention outside ``batching.attention``), and makes batches less random: length
    often goes with the class."""
    gradient_checkpointing: bool = False
    frozen_states: str = "auto"
    """Of the layers below the lowest trained one: recompute, or memory or disk, where each row's are kept (4 bytes for
    each token and feature in fp32, for each row and feature with lora=frozen and a readout of one state; on disk in the
    cache, for later runs on the same rows and model too). auto is disk where one state of a row is all that is needed and
    the runs of a pack train on as many rows as there are, else recompute."""
    evaluate_every: float = 1.0
    """Epochs between evaluations on the validation split; the last step always evaluates."""
    evaluate_at: list[float] = field(default_factory=list)
    """Instead: the epochs after which to evaluate, such as the rungs of a pruner; empty means every evaluate_every."""
    metric: str | None = None
    """Validation metric that picks the best weights; null means macro_f1, or mae for scores."""
    keep_best: bool = True
    """End with the weights of the best evaluation, not of the last step."""
    patience: int | None = None
    """Stop after this many evaluations without a better metric; null never stops early."""
    score_batch_tokens: int = 8192
    """Tokens per forward pass when scoring."""
    checkpoint_seconds: float = 300.0
    """Least time between checkpoints; evaluations always write one."""

    def __post_init__(self) -> None:
        require_choice("train.schedule", self.schedule, ("constant", "linear", "cosine"))
        require_choice("train.frozen_states", self.frozen_states, ("auto", "recompute", "memory", "disk"))
        require_choice("train.optimizer", self.optimizer, ("adamw", "adamw_8bit"))
        self._require(POSITIVE, lambda value: 0 < value < math.inf, "positive")
        self._require(NOT_NEGATIVE, lambda value: 0 <= value < math.inf, "0 or more")
        self._require(AT_LEAST_ONE, lambda value: value >= 1, "1 or more")
        self._require(("beta1", "beta2"), lambda value: 0 <= value < 1, "in [0, 1)")
        if not all(0 < epochs < math.inf for epochs in self.evaluate_at):
            raise UserError(f"train.evaluate_at lists epochs, each positive, given {list(self.evaluate_at)}")
        if not 0 <= self.warmup_fraction <= 1:
            raise UserError(f"train.warmup_fraction is a share of the steps in [0, 1], given {self.warmup_fraction}")
        if self.metric is not None and self.metric.startswith("test"):
            raise UserError(f"train.metric={self.metric} names the test split; validation tunes, test reports")

    def _require(self, keys: tuple[str, ...], holds: Callable[[float], bool], wanted: str) -> None:
        """Refuse numbers out of range; null is none."""
        for key in keys:
            value = getattr(self, key)
            if value is not None and not holds(value):
                raise UserError(f"train.{key} must be {wanted}, given {value}")
