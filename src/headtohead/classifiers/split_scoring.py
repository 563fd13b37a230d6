"""From a scored split to stored predictions, and from predictions to the record's numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np

from headtohead.batching.encode import EncodedRows
from headtohead.data.words import Words
from headtohead.errors import Diverged, UserError, near_names
from headtohead.evaluation import (
    HIGHER_IS_BETTER,
    Evaluation,
    default_metric,
    evaluate,
    majority_predictions,
    paired_differences,
    point_metrics,
    tfidf_predictions,
)
from headtohead.labels import LabelSpace
from headtohead.results import Predictions, RunRecord, join


def predictions_of(
    rows: EncodedRows, scores: np.ndarray, labels: LabelSpace, *, is_expected_score: bool
) -> Predictions:
    """Join a split's scores with its rows.

    Raises:
        Diverged: a score is not finite; NaN is never a class.
    """
    bad = int((~np.isfinite(scores)).any(axis=1).sum())
    if bad:
        raise Diverged(f"{bad} of {len(rows)} rows of {rows.split} have scores that are not finite")
    return Predictions(
        labels=labels,
        row_id=np.asarray(rows.rows["row_id"][:], dtype=object),
        text_hash=np.asarray(rows.rows["text_hash"][:], dtype=object),
        split=np.full(len(rows), rows.split, dtype=object),
        group=np.asarray(rows.rows["group"][:], dtype=object),
        tokens=rows.lengths,
        truncated=rows.tokens_lost > 0,
        gold=rows.targets,
        scores=scores,
        is_expected_score=is_expected_score,
    )


def selection_metric(configured: str | None, labels: LabelSpace) -> str:
    """Return the validation metric that picks weights and trials.

    Raises:
        UserError: no such metric.
    """
    metric = configured or default_metric(labels.kind)
    if metric not in HIGHER_IS_BETTER:
        raise UserError(f"train.metric={metric!r} is no metric{near_names(metric, HIGHER_IS_BETTER)}")
    return metric


def validation_metrics(predictions: Predictions, metric: str) -> dict[str, float]:
    """Return validation metrics, checking that the one that decides is defined for this kind of label.

    Raises:
        UserError: it is not.
    """
    metrics = point_metrics(predictions)
    if metric not in metrics:
        raise UserError(
            f"train.metric={metric} is not defined for {predictions.labels.kind}-label data with this loss, or on these "
            f"{len(predictions)} validation rows"
            f"{near_names(metric, metrics)}"
        )
    return metrics


def evaluate_splits(
    record: RunRecord, predictions: dict[str, Predictions], *, temperature: float, resamples: int
) -> dict[str, Evaluation]:
    """Fill the record's metrics and details from stored predictions."""
    evaluations = {
        split: evaluate(own, temperature=temperature, resamples=resamples) for split, own in predictions.items()
    }
    record.metrics = {split: found.metrics for split, found in evaluations.items()}
    record.details = {split: found.details for split, found in evaluations.items()}
    return evaluations


def score_baselines(
    record: RunRecord,
    predictions: dict[str, Predictions],
    train: EncodedRows,
    rows: dict[str, EncodedRows],
    *,
    words: Words,
    most_rows: int,
    resamples: int,
    seed: int,
) -> None:
    """Score the majority class and TF-IDF (whole texts, and as truncated for the model) on the same rows.

    Args:
        words: what TF-IDF takes for a word.
        most_rows: TF-IDF learns from the first so many training rows, which hold the labels in proportion: its memory
            grows with them, the model's does not.
    """
    like = join(list(predictions.values()))
    learnt = train.targets[:most_rows]
    notes = record.cost.setdefault("notes", [])
    if len(learnt) < len(train):
        notes.append(
            f"baseline tfidf learnt from {len(learnt):,} of {len(train):,} training rows (evaluate.baseline_rows)"
        )
        print(notes[-1])

    def tfidf(read: Callable[[EncodedRows], Iterator[str]]) -> Predictions:
        texts = (text for split in predictions for text in read(rows[split]))
        return tfidf_predictions(islice(read(train), len(learnt)), learnt, texts, like, words=words, seed=seed)

    systems: dict[str, Callable[[], Predictions]] = {
        "majority": lambda: majority_predictions(train.targets, like),
        "tfidf": lambda: tfidf(_whole_texts),
        "tfidf_truncated": lambda: tfidf(EncodedRows.texts_read),
    }
    for name, answer in systems.items():
        try:
            answers = answer()
        except UserError as error:  # such as no word in any text as cut for the model: the run itself stands
            notes.append(f"baseline {name} left out: {error}")
            continue
        theirs = {split: answers.of_split(split) for split in predictions}
        record.baselines[name] = {split: evaluate(own, resamples=resamples).metrics for split, own in theirs.items()}
        record.differences[name] = {
            split: paired_differences(own, theirs[split], resamples=resamples) for split, own in predictions.items()
        }


def _whole_texts(encoded: EncodedRows) -> Iterator[str]:
    return (text for batch in encoded.rows.iter(1000) for text in batch["text"])
