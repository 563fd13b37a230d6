"""What trackers are told of a run: where they write at its start, its record and tables at its end."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import numpy as np

from headtohead.batching.encode import EncodedRows
from headtohead.errors import some_of
from headtohead.evaluation import worst_rows
from headtohead.evaluation.metrics import confidence
from headtohead.notices import Notice
from headtohead.reporting import finding
from headtohead.results import Predictions, RunRecord
from headtohead.results.record import json_ready
from headtohead.runs.run import Run
from headtohead.tracking import Table, open_trackers

MOST_ROWS = 10_000
"""Rows of a W&B table; ``predictions.parquet`` holds them all."""
EXCERPT = 500
"""Characters of a text."""
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


def finish_tracking(
    run: Run,
    page: str = "",
    predictions: Mapping[str, Predictions] | None = None,
    encoded: Mapping[str, EncodedRows] | None = None,
) -> None:
    """Tell what came of the run, and close; a run that ended before its trackers were opened has none.

    Args:
        page: the run's page as HTML.
        predictions: by split.
        encoded: the rows of every split, for some of their texts.
    """
    if run.tracker is None:
        return
    tracker, run.tracker = run.tracker, None
    given, texts = predictions or {}, run.config.track.texts
    tables = {f"predictions/{split}": prediction_table(own) for split, own in given.items()}
    tables |= {
        f"examples/{split}": example_table(given[split], rows, texts)
        for split, rows in (encoded or {}).items()
        if split in given and texts
    }
    confusions = {f"confusion/{split}": details.get("confusion") for split, details in run.record.details.items()}
    tables |= {name: confusion_table(found) for name, found in confusions.items() if found}
    tracker.finish(summary_of(run.record), tables, page)


def summary_of(record: RunRecord) -> dict[str, Any]:
    """Return a record's numbers under flat names: ``test/macro_f1`` with ``_low`` and ``_high``, costs, status.

    Beside them those of the baselines (``baseline/tfidf/test/macro_f1``), by how much the run differs from each
    (``over/tfidf/test/macro_f1``), what was cut (``truncation/test/share_cut``), the finding and the notices in words.
    """
    flat: dict[str, Any] = {
        "status": record.status,
        "objective": record.objective.get("value"),
        "error": record.error,
        "test_reads": record.test_reads,
        "finding": finding.lead(record) if record.metrics else None,
        "notices": "\n".join(str(Notice.from_dict(stored)) for stored in record.notices) or None,
    }
    flat |= _intervals("", record.metrics)
    for name, metrics in record.baselines.items():
        flat |= _intervals(f"baseline/{name}/", metrics)
    for name, differences in record.differences.items():
        flat |= _intervals(f"over/{name}/", differences)
    for split, cut in (record.data.get("truncation") or {}).items():
        flat |= {f"truncation/{split}/{part}": cut[part] for part in ("rows", "rows_cut", "tokens_lost")}
        flat[f"truncation/{split}/share_cut"] = cut["rows_cut"] / cut["rows"] if cut["rows"] else None
    for name, cost in record.cost.items():
        if isinstance(cost, dict):
            flat |= {f"cost/{name}/{part}": value for part, value in cost.items() if isinstance(value, int | float)}
        elif isinstance(cost, int | float):
            flat[f"cost/{name}"] = cost
    ready: dict[str, Any] = json_ready(flat)
    return {name: value for name, value in ready.items() if value is not None}


_PARTS = {"value": "", "low": "_low", "high": "_high"}


def _intervals(prefix: str, metrics: Mapping[str, Mapping[str, Mapping[str, float | None]]]) -> dict[str, Any]:
    return {
        f"{prefix}{split}/{metric}{suffix}": found[part]
        for split, own in metrics.items()
        for metric, found in own.items()
        for part, suffix in _PARTS.items()
    }


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


def example_table(predictions: Predictions, rows: EncodedRows, count: int) -> Table:
    """Return the texts of some rows: ``count`` of the worst errors, and as many spread evenly over the split.

    A text is cut to its beginning, and its markup escaped: W&B may show a cell as Markdown.
    """
    worst = worst_rows(predictions, count).tolist()
    spread = np.linspace(0, len(predictions) - 1, min(count, len(predictions))).round().astype(int).tolist()
    why = dict.fromkeys(spread, "sample") | dict.fromkeys(worst, "worst error")
    gold, said = predictions.gold_answers, predictions.predicted_answers
    return Table(
        columns=["row_id", "why", "gold", "predicted", "tokens", "truncated", "text"],
        rows=[
            [
                str(predictions.row_id[row]),
                reason,
                _shown(gold[row]),
                _shown(said[row]),
                int(predictions.tokens[row]),
                bool(predictions.truncated[row]),
                html.escape(rows.rows[row]["text"][:EXCERPT], quote=False),
            ]
            for row, reason in sorted(why.items())
        ],
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
