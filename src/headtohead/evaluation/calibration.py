"""Temperature scaling (Guo et al. 2017): one number, fitted on validation, that makes confidence honest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import optimize, special

from headtohead.evaluation.probability import log_absent, log_loss_per_row
from headtohead.notices import Notice
from headtohead.results import Predictions

LOWEST, HIGHEST = 0.05, 20.0
NEARLY_LOWEST = 1.01 * LOWEST
"""Below it the search has run into its bound: no answer is wrong, and no confidence would be too much."""

FEW_ROWS = 100
"""Below it a fitted temperature is hardly known: of scores over three labels that are honest as they are, one fit in twenty
is off by a factor of more than 1.4 on 100 rows, and of almost 3 on 20 (the error of its logarithm falls with their root)."""


def calibrate(predictions: Predictions, temperature: float) -> Predictions:
    """Return the predictions with their logits divided by ``temperature``; decisions stay as they are."""
    if temperature == 1.0:
        return predictions
    assert not predictions.is_expected_score, "expected scores have no temperature"
    if predictions.labels.kind == "multi":
        logits = predictions.scores - log_absent(predictions.scores)
        return replace(predictions, scores=special.log_expit(logits / temperature))
    return replace(predictions, scores=special.log_softmax(predictions.scores / temperature, axis=1))


def fit_temperature(validation: Predictions) -> dict[str, Any]:
    """Fit the temperature that minimises log-loss on validation rows.

    Returns:
        ``temperature`` (between 0.05 and 20), ``log_loss_before``, ``log_loss_after`` in nats and ``rows``; where no
        temperature can be fitted, also since no row is wrong, it is 1.0 and ``reason`` says why.
    """
    if validation.is_expected_score:
        return _unfitted(validation, "the head predicts a score, not probabilities")
    if len(validation) == 0:
        return _unfitted(validation, "there are no validation rows")

    def loss(log_temperature: float) -> float:
        return float(log_loss_per_row(calibrate(validation, float(np.exp(log_temperature)))).mean())

    bounds = (np.log(LOWEST), np.log(HIGHEST))
    found = optimize.minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-4})
    before, after = loss(0.0), float(found.fun)
    temperature = float(np.exp(found.x)) if after < before else 1.0
    if temperature < NEARLY_LOWEST:
        return _unfitted(
            validation, f"all {len(validation)} validation rows are right, so that certainty would fit them best"
        )
    return {
        "temperature": temperature,
        "log_loss_before": before,
        "log_loss_after": min(before, after),
        "rows": len(validation),
    }


def on_few_rows(calibration: Mapping[str, Any]) -> Notice | None:
    """Return what to know of a temperature that was fitted on fewer than ``FEW_ROWS`` rows; None of any other.

    Args:
        calibration: as ``fit_temperature`` returns it.
    """
    rows = calibration.get("rows") or 0
    if calibration.get("reason") or rows >= FEW_ROWS or calibration.get("temperature") in (None, 1.0):
        return None
    return Notice(
        text=f"the temperature was fitted on {rows} validation rows: on fewer than {FEW_ROWS} it is often off by a third "
        "and more, so calibrated probabilities are rough; decisions do not depend on it",
        leads=False,
    )


def _unfitted(validation: Predictions, reason: str) -> dict[str, Any]:
    nothing = {"temperature": 1.0, "log_loss_before": None, "log_loss_after": None}
    return nothing | {"rows": len(validation), "reason": f"not fitted: {reason}"}
