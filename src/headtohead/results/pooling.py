"""Out-of-fold predictions: the folds of one repetition put together, every row answered by a model that was not trained on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headtohead.results.predictions import FLAT_COLUMNS, Predictions


def pooled(folds: Sequence[Predictions]) -> Predictions:
    """Return the rows of all folds, ordered by row id, whatever the order of the folds."""
    arrays = {
        name: np.concatenate([getattr(fold, name) for fold in folds]) for name in (*FLAT_COLUMNS, "gold", "scores")
    }
    whole = Predictions(labels=folds[0].labels, is_expected_score=folds[0].is_expected_score, **arrays)
    return whole.select(np.argsort(whole.row_id.astype(str), kind="stable"))
