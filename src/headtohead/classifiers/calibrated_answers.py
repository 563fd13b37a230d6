"""From the scores of new rows to the answers that are written: label, score, calibrated probabilities."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from headtohead.classifiers.finished_classifier import Classifier, Row
from headtohead.errors import Diverged
from headtohead.evaluation import calibrate
from headtohead.results import Predictions, RunRecord

PROBABILITY = "probability/"


def answers_of(classifier: Classifier, rows: Sequence[Row], *, with_probabilities: bool) -> list[Row]:
    """Answer some rows: ``row_id``, ``predicted``, ``score``, a probability per label, ``tokens`` and ``truncated``."""
    scored = classifier.score(rows, label_alone=not with_probabilities)
    if scored.scores is None:
        answers = [{"predicted": classifier.labels.names[best]} for best in scored.best]
    else:
        answers = _answers(classifier, scored.scores)
    return [
        {
            "row_id": row["row_id"],
            **{key: value for key, value in answer.items() if with_probabilities or not key.startswith(PROBABILITY)},
            "tokens": int(tokens),
            "truncated": bool(cut),
        }
        for row, answer, tokens, cut in zip(rows, answers, scored.tokens, scored.truncated, strict=True)
    ]


def calibration_in_words(record: RunRecord, *, is_expected_score: bool) -> str:
    """Return whether the probabilities of a run's answers are calibrated, and on what."""
    found = record.calibration
    if is_expected_score:
        return "scores, no probabilities: there is nothing to calibrate"
    if not found:
        return f"probabilities are not calibrated: the run ended before it was evaluated (status {record.status})"
    if reason := found.get("reason"):
        return f"probabilities are not calibrated ({reason})"
    temperature, rows = float(found["temperature"]), found.get("rows")
    if temperature == 1:
        return f"probabilities are the model's own: no temperature made them better on {rows:,} validation rows"
    return f"probabilities are calibrated: temperature {temperature:.3g}, fitted on {rows:,} validation rows"


def _answers(classifier: Classifier, scores: np.ndarray) -> list[Row]:
    bad = int((~np.isfinite(scores)).any(axis=1).sum())
    if bad:
        raise Diverged(f"{bad} rows have scores that are not finite; NaN is never a class")
    measured = _unlabelled(classifier, scores)
    calibrated = calibrate(measured, float(classifier.record.calibration.get("temperature", 1.0)))
    return [answer(measured, calibrated, row) for row in range(len(scores))]


def _unlabelled(classifier: Classifier, scores: np.ndarray) -> Predictions:
    """Put scores into the record's shape; the gold answers are fillers that nothing reads."""
    labels, rows = classifier.labels, len(scores)
    empty = np.full(rows, "", dtype=object)
    return Predictions(
        labels=labels,
        row_id=empty,
        text_hash=empty,
        split=empty,
        group=empty,
        tokens=np.zeros(rows, dtype=np.int64),
        truncated=np.zeros(rows, dtype=bool),
        gold=np.zeros((rows, len(labels)) if labels.kind == "multi" else rows, dtype=np.int64),
        scores=scores,
        is_expected_score=classifier.is_expected_score,
    )


def answer(measured: Predictions, calibrated: Predictions, row: int) -> dict[str, Any]:
    """Return one row's answer: decision and score as the record measured them, probabilities after its temperature."""
    labels = measured.labels
    if measured.is_expected_score:
        found: Row = {"score": float(measured.expected_score[row])}
        return {"predicted": labels.names[measured.predicted[row]], **found} if labels.kind == "ordinal" else found
    probabilities = {
        PROBABILITY + name: float(value)
        for name, value in zip(labels.names, calibrated.probabilities[row], strict=True)
    }
    if labels.kind == "multi":
        chosen = [name for name, present in zip(labels.names, measured.predicted[row], strict=True) if present]
        return {"predicted": json.dumps(chosen, ensure_ascii=False), **probabilities}
    expected = {"score": float(measured.expected_score[row])} if labels.kind == "ordinal" else {}
    return {"predicted": labels.names[measured.predicted[row]], **expected, **probabilities}
