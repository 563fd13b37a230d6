"""What trackers are told of a run: where they write at its start, its record and tables at its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from headtohead.errors import some_of
from headtohead.evaluation.metrics import confidence
from headtohead.results import Predictions, RunRecord
from headtohead.results.record import json_ready
from headtohead.tasks.run import Run
from headtohead.tracking import Table, open_trackers

MOST_ROWS = 10_000
"""Rows of a W&B table; ``predictions.parquet`` holds them all."""
MOST_LABELS = 50
"""Labels that each have a column of their own in it."""


def start_tracking(run: Run, *, resumed_step: int = 0) -> None:
    """Open the trackers of a run; of several processes the main one does."""
    run.tracker = open_trackers(
        run.config,
        run.folder,
        settings=run.record.config,
        resumed_step=resumed_step,
        run_id=run.record.tracking.get("wandb_id"),
        membership=run.membership,
    )


def finish_tracking(run: Run, predictions: Mapping[str, Predictions] | None = None) -> None:
    """Tell what came of the run, and close; a run that ended before its trackers were opened has none."""
    if run.tracker is None:
        return
    tracker, run.tracker = run.tracker, None
    tables = {f"predictions/{split}": prediction_table(own) for split, own in (predictions or {}).items()}
    confusions = {f"confusion/{split}": details.get("confusion") for split, details in run.record.details.items()}
    tables |= {name: confusion_table(found) for name, found in confusions.items() if found}
    tracker.finish(summary_of(run.record), tables)


def summary_of(record: RunRecord) -> dict[str, Any]:
    """Return a record's numbers under flat names: ``test/macro_f1`` with ``_low`` and ``_high``, costs, status."""
    flat: dict[str, Any] = {
        "status": record.status,
        "objective": record.objective.get("value"),
        "error": record.error,
        "test_reads": record.test_reads,
    }
    for split, metrics in record.metrics.items():
        for metric, found in metrics.items():
            flat |= {f"{split}/{metric}{suffix}": found[part] for part, suffix in _PARTS.items()}
    for name, cost in record.cost.items():
        if isinstance(cost, dict):
            flat |= {f"cost/{name}/{part}": value for part, value in cost.items() if isinstance(value, int | float)}
        elif isinstance(cost, int | float):
            flat[f"cost/{name}"] = cost
    ready: dict[str, Any] = json_ready(flat)
    return {name: value for name, value in ready.items() if value is not None}


_PARTS = {"value": "", "low": "_low", "high": "_high"}


def prediction_table(predictions: Predictions) -> Table:
    """Return row, gold and predicted answer, and the expected score or the probability of every label.

    Of very many labels there is the probability of the predicted answer alone.
    """
    rows = predictions.select(np.arange(min(len(predictions), MOST_ROWS)))
    if rows.is_expected_score:
        width, scores = ["expected_score"], rows.scores
    elif len(rows.labels) > MOST_LABELS:
        width, scores = ["probability of predicted"], confidence(rows)[:, None]
    else:
        width, scores = [f"probability/{name}" for name in rows.labels.names], rows.probabilities
    answers = zip(rows.row_id, rows.gold_answers, rows.predicted_answers, scores, strict=True)
    return Table(
        columns=["row_id", "gold", "predicted", *width],
        rows=[[str(row), _shown(gold), _shown(said), *map(float, own)] for row, gold, said, own in answers],
    )


def confusion_table(confusion: Mapping[str, Any]) -> Table:
    """Return the counts of a confusion matrix as rows, named as W&B's own plot names them."""
    names = confusion["labels"]
    cells = [
        [gold, said, count]
        for gold, counts in zip(names, confusion["counts"], strict=True)
        for said, count in zip(names, counts, strict=True)
    ]
    return Table(columns=["Actual", "Predicted", "nPredictions"], rows=cells)


def _shown(answer: Any) -> Any:
    return some_of(answer) if isinstance(answer, list) else answer
