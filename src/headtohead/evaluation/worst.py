"""Which rows a run got most wrong."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from headtohead.evaluation.metrics import confidence, wrong
from headtohead.evaluation.probability import log_loss_per_row
from headtohead.results import Predictions


def worst_rows(predictions: Predictions, at_most: int) -> Int[np.ndarray, " worst"]:
    """Return the positions of wrongly answered rows, worst first.

    Single-label: the surest wrong answers. Multi-label: the rows whose gold set was least likely. Ordinal and real: the
    rows whose expected score is furthest off.
    """
    if predictions.labels.kind in ("ordinal", "real"):
        badness = np.abs(predictions.expected_score - predictions.gold_score)
        mistaken = badness > 0
    else:
        multi = predictions.labels.kind == "multi"
        badness = log_loss_per_row(predictions) if multi else confidence(predictions)
        mistaken = wrong(predictions)
    order = np.argsort(-badness, kind="stable")
    worst: np.ndarray = order[mistaken[order]][:at_most]
    return worst
