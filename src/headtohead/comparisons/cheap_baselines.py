"""TF-IDF and the majority class for a comparison: once per set of training rows, on the rows that its runs were scored on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from headtohead.comparisons.finished_run import FinishedRun
from headtohead.config import EvaluateConfig
from headtohead.config.typed_config import build_data
from headtohead.console.status_lines import doing
from headtohead.data import Corpus, load_corpus
from headtohead.errors import UserError
from headtohead.evaluation import majority_predictions, point_metrics, tfidf_predictions
from headtohead.results import Predictions, RunRecord
from headtohead.sources import cache_root
from headtohead.statistics import Arm, Cheap, metrics_of

if TYPE_CHECKING:
    from datasets import Dataset

NAMES = ("majority", "tfidf")
AGREEMENT = 1e-6
"""How far a stored metric may lie from the same metric of the stored predictions."""
Values = dict[str, float]
AsArm = Callable[[str, Sequence[FinishedRun]], Arm]


@dataclass(slots=True, kw_only=True)
class Scored:
    """Of one set of training rows: each baseline's metrics, and why one is missing."""

    values: dict[str, Values] = field(default_factory=dict)
    answers: dict[str, Predictions] = field(default_factory=dict)
    """Of those that were fitted here."""
    missing: str | None = None


def cheap_baselines(arms: Mapping[str, Sequence[FinishedRun]], split: str, as_arm: AsArm | None = None) -> Cheap:
    """Return the baselines of arms: as a run has stored them, else scored from its data.

    Args:
        arms: runs by arm.
        split: of their rows.
        as_arm: makes an arm of runs that tested different rows, as folds do: baselines are then fitted for each of them, and
            their answers joined as the arm's own are, so that both are reckoned alike.
    """
    by_rows: dict[str, list[FinishedRun]] = {}
    for run in (run for own in arms.values() for run in own):
        by_rows.setdefault(_training_rows(run), []).append(run)
    with doing("TF-IDF and the majority class on the same rows"):
        scored = {key: _scored(runs, split, fit=as_arm is not None) for key, runs in by_rows.items()}
    return Cheap(
        values={
            arm: _of_arm(arm, own, [scored[_training_rows(run)] for run in own], as_arm) for arm, own in arms.items()
        },
        missing=list(dict.fromkeys(found.missing for found in scored.values() if found.missing)),
        is_arm=frozenset(arm for arm, own in arms.items() if all(_is_tfidf(run.record) for run in own)),
    )


def _training_rows(run: FinishedRun) -> str:
    """Return what tells a run's rows from others': their hash, and how many of them TF-IDF learns from."""
    return f"{run.record.data.get('fingerprint') or run.folder} {_most_rows(run.record)}"


def _is_tfidf(record: RunRecord) -> bool:
    return (record.config.get("model") or {}).get("kind") == "tfidf"


def _scored(runs: Sequence[FinishedRun], split: str, *, fit: bool) -> Scored:
    """Score the baselines of one set of training rows, which all of these runs had; stored ones come first unless to be fitted."""
    if fit and not (found := _from_data(runs[0], split)).missing:
        return found
    for run in runs:
        if stored := stored_baselines(run.record, run.predictions, split):
            return Scored(values=stored)
    return found if fit else _from_data(runs[0], split)


def _of_arm(arm: str, runs: Sequence[FinishedRun], scored: Sequence[Scored], as_arm: AsArm | None) -> dict[str, Values]:
    """Return the baselines of an arm: the mean over its runs, or those of its runs' joined answers."""
    if as_arm is None or any(name not in found.answers for found in scored for name in NAMES):
        return _mean([found.values for found in scored])
    joined = {
        name: as_arm(arm, [replace(run, predictions=own.answers[name]) for run, own in zip(runs, scored, strict=True)])
        for name in NAMES
    }
    return {
        name: _mean_of(
            [_mean_of([point_metrics(run) for run in configuration]) for configuration in made.configurations]
        )
        for name, made in joined.items()
    }


def stored_baselines(record: RunRecord, predictions: Predictions, split: str) -> dict[str, Values]:
    """Return the baselines that a record holds; none where it reckoned the metrics otherwise than they are today.

    Args:
        record: of a run.
        predictions: its rows of the split.
        split: name.
    """
    if any(split not in record.baselines.get(name, {}) for name in NAMES):
        return {}
    now, then = point_metrics(predictions), record.metrics.get(split) or {}
    for metric in metrics_of(predictions):
        stored = (then.get(metric) or {}).get("value")
        if stored is not None and metric in now and abs(stored - now[metric]) > AGREEMENT:
            return {}
    return {
        name: {
            metric: value
            for metric, entry in record.baselines[name][split].items()
            if (value := entry.get("value")) is not None
        }
        for name in NAMES
    }


def _from_data(run: FinishedRun, split: str) -> Scored:
    """Fit the baselines on a run's training rows, and score them on its rows of a split."""
    try:
        corpus = _rows_of(run.record)
        rows = _as_predicted(corpus, run.predictions, split)
    except UserError as error:
        return Scored(missing=f"those of {run.folder.name}: {str(error).splitlines()[0]}")
    found = Scored()
    learnt = np.asarray(corpus.train["label"][:])
    for name in NAMES:
        try:
            answers = _answers(name, run.record, corpus, learnt, rows, run.predictions)
        except UserError as error:
            found.missing = f"{name} of {run.folder.name}: {error}"
            continue
        found.answers[name] = answers
        found.values[name] = {metric: value for metric, value in point_metrics(answers).items() if np.isfinite(value)}
    return found


def _rows_of(record: RunRecord) -> Corpus:
    """Return the rows of a run, which must still be those that it was trained on.

    Raises:
        UserError: they cannot be had.
    """
    paths = record.config.get("paths") or {}
    corpus = load_corpus(build_data(record.config.get("data") or {}), cache_root(paths.get("cache")))
    if corpus.fingerprint != record.data.get("fingerprint"):
        raise UserError("its data hold other rows by now")
    return corpus


def _as_predicted(corpus: Corpus, predictions: Predictions, split: str) -> Dataset:
    """Return a split's rows in the order of stored predictions.

    Raises:
        UserError: a row is not there.
    """
    rows = corpus.validation if split == "validation" else corpus.tests.get(split)
    if rows is None:
        raise UserError(f"its data have no {split} split")
    place = {row: number for number, row in enumerate(rows["row_id"][:])}
    if not place.keys() >= set(predictions.row_id):
        raise UserError(f"its data hold other {split} rows by now")
    return rows.select([place[row] for row in predictions.row_id])


def _answers(
    name: str, record: RunRecord, corpus: Corpus, learnt: np.ndarray, rows: Dataset, like: Predictions
) -> Predictions:
    if name == "majority":
        return majority_predictions(learnt, like)
    most = learnt[: _most_rows(record)]
    texts, seed = islice(_texts(corpus.train), len(most)), record.config.get("seed") or 0
    return tfidf_predictions(texts, most, _texts(rows), like, words=corpus.words, seed=seed)


def _most_rows(record: RunRecord) -> int:
    return int((record.config.get("evaluate") or {}).get("baseline_rows") or EvaluateConfig().baseline_rows)


def _texts(rows: Dataset) -> Iterator[str]:
    return (text for batch in rows.iter(1000) for text in batch["text"])


def _mean(runs: Sequence[Mapping[str, Values]]) -> dict[str, Values]:
    """Return the mean over an arm's runs, where all of them have a baseline."""
    return {name: _mean_of([run[name] for run in runs]) for name in NAMES if all(name in run for run in runs)}


def _mean_of(runs: Sequence[Values]) -> Values:
    shared = [metric for metric in runs[0] if all(metric in run for run in runs)]
    return {metric: float(np.mean([run[metric] for run in runs])) for metric in shared}
