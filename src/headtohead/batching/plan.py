"""Which rows stand together in which optimiser step: a pure function of seed and epoch, so resuming needs no state."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from headtohead.config import TrainConfig

WINDOW_BATCHES = 50
"""Rows are sorted by length within windows of this many batches, as transformers' group_by_length does."""


def epoch_batches(
    lengths: Int[np.ndarray, " rows"], config: TrainConfig, *, seed: int, epoch: int
) -> list[Int[np.ndarray, " batch"]]:
    """Return the row indices of each batch of one epoch."""
    draw = np.random.default_rng([seed, epoch])
    order = draw.permutation(len(lengths))
    sorts = config.length_buckets or config.batch_tokens is not None
    if sorts:
        window = WINDOW_BATCHES * config.batch_size
        order = np.concatenate(
            [
                part[np.argsort(-lengths[part], kind="stable")]
                for part in (order[start : start + window] for start in range(0, len(order), window))
            ]
        )
    batches = (
        _by_tokens(order, lengths, config.batch_tokens) if config.batch_tokens else _by_rows(order, config.batch_size)
    )
    return [batches[i] for i in draw.permutation(len(batches))] if sorts else batches


def _by_rows(order: np.ndarray, size: int) -> list[np.ndarray]:
    return [order[start : start + size] for start in range(0, len(order), size)]


def _by_tokens(order: np.ndarray, lengths: np.ndarray, budget: int) -> list[np.ndarray]:
    """Cut where rows times longest row would pass the budget; a row longer than the budget stands alone."""
    batches, start, longest = [], 0, 0
    for position, row in enumerate(order):
        longest = max(longest, int(lengths[row]))
        if position > start and longest * (position + 1 - start) > budget:
            batches.append(order[start:position])
            start, longest = position, int(lengths[row])
    batches.append(order[start:])
    return batches


def score_batches(lengths: Int[np.ndarray, " rows"], tokens: int, extra: int = 0) -> list[Int[np.ndarray, " batch"]]:
    """Return batches for scoring: longest rows first (memory trouble shows at once), within a budget of tokens.

    Args:
        extra: tokens a head adds to every row.
    """
    order = np.argsort(-lengths, kind="stable")
    return _by_tokens(order, lengths + extra, max(tokens, 1)) if len(order) else []
