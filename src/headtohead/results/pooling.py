"""Predictions of several splits or folds put into one table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headtohead.results.predictions import FLAT_COLUMNS, Predictions


def join(parts: Sequence[Predictions]) -> Predictions:
    """Put the rows of all parts into one table, in their order."""
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in (*FLAT_COLUMNS, "gold", "scores")
    }
    return Predictions(labels=parts[0].labels, is_expected_score=parts[0].is_expected_score, **columns)


def pooled(folds: Sequence[Predictions]) -> Predictions:
    """Return out-of-fold predictions: the rows of all folds ordered by row id, whatever the order of the folds.

    Every row is answered by a model that was not trained on it.
    """
    whole = join(folds)
    return whole.select(np.argsort(whole.row_id.astype(str), kind="stable"))
