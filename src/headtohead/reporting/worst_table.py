"""The rows a run got most wrong, with what it thought."""

from __future__ import annotations

from typing import Any

import numpy as np

from headtohead.errors import shortened, some_of
from headtohead.evaluation import worst_rows
from headtohead.evaluation.probability import log_loss_per_row
from headtohead.reporting.numbers import number
from headtohead.results import Predictions

ROWS = 15
EXCERPT = 280
LONGEST = 5_000
"""Characters of a text that the page holds at most."""


def worst_table(predictions: Predictions, texts: dict[str, str]) -> list[dict[str, Any]]:
    """Return the worst rows with gold and predicted answer, and the text where it was stored."""
    return [_described(predictions, int(row), texts) for row in worst_rows(predictions, ROWS)]


def order_in_words(predictions: Predictions) -> str:
    """Say how the worst rows are chosen and ordered."""
    if _is_score(predictions):
        return "Rows whose predicted score is furthest from the gold one."
    if predictions.labels.kind == "multi":
        return "Rows with a wrong set of labels, least likely gold set first."
    return "Wrong answers, surest first: the probability of the answer given, against that of the gold label."


def _is_score(predictions: Predictions) -> bool:
    return predictions.labels.kind in ("ordinal", "real")


def _described(predictions: Predictions, row: int, texts: dict[str, str]) -> dict[str, Any]:
    return described_row(predictions, row, texts) | _answers(predictions, row)


def described_row(predictions: Predictions, row: int, texts: dict[str, str]) -> dict[str, Any]:
    """Return which row it is, and of its text, where it was stored, as much as a page shows."""
    row_id = str(predictions.row_id[row])
    text = texts.get(row_id)
    return {
        "row_id": row_id,
        "tokens": int(predictions.tokens[row]),
        "truncated": bool(predictions.truncated[row]),
        "excerpt": None if text is None else " ".join(text[:EXCERPT].split()),
        "whole": text[:LONGEST] if text and len(text) > EXCERPT else "",
    }


def _answers(predictions: Predictions, row: int) -> dict[str, str]:
    names = predictions.labels.names
    if _is_score(predictions):
        gold, found = predictions.gold_score[row], predictions.expected_score[row]
        return {"gold": number(gold), "predicted": number(found), "sure": f"off by {number(abs(found - gold))}"}
    if predictions.labels.kind == "multi":
        sets = (np.flatnonzero(predictions.gold[row]), np.flatnonzero(predictions.predicted[row]))
        gold_names, found_names = (some_of(names[i] for i in chosen) or "none" for chosen in sets)
        sure = f"log-loss {number(log_loss_per_row(predictions.select(np.array([row])))[0])}"
        return {"gold": gold_names, "predicted": found_names, "sure": sure}
    chance = predictions.probabilities[row]
    gold_label, found_label = predictions.gold[row], predictions.predicted[row]
    sure = f"{number(chance[found_label])} against {number(chance[gold_label])}"
    return {"gold": shortened(names[gold_label]), "predicted": shortened(names[found_label]), "sure": sure}
