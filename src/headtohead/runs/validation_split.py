"""The validation split of a run: scored as training goes on, the best evaluation's predictions kept."""

from __future__ import annotations

import numpy as np

from headtohead.batching.encode import EncodedRows
from headtohead.classifiers.split_scoring import predictions_of, selection_metric, validation_metrics
from headtohead.data import Corpus
from headtohead.losses.score_losses import Link
from headtohead.results import Predictions
from headtohead.runs.run import Run
from headtohead.training import Pack, Trial, score


class Validation:
    """Turns scores of the validation rows into metrics."""

    def __init__(self, run: Run, rows: EncodedRows, corpus: Corpus) -> None:
        self.metric = selection_metric(run.config.train.metric, corpus.labels)
        self.rows, self._run, self._labels = rows, run, corpus.labels
        self._by_step: dict[int, Predictions] = {}

    def judge(self, trial: Trial, scores: np.ndarray) -> dict[str, float]:
        """Return the metrics of a trial's scores, and keep its predictions in case they stay the best."""
        self._run.phases.add_tokens("validate", int(self.rows.lengths.sum()))
        predictions = self._predictions(scores, trial.link)
        best = trial.progress.best_step
        self._by_step = {step: kept for step, kept in self._by_step.items() if step == best}
        self._by_step[trial.progress.step] = predictions
        return validation_metrics(predictions, self.metric)

    def final(self, pack: Pack, number: int) -> Predictions:
        """Return the predictions of the weights in place, which were mostly made when they were judged."""
        trial = pack.trials[number]
        step = trial.progress.best_step if trial.config.keep_best else trial.progress.step
        if step in self._by_step:
            return self._by_step[step]
        with self._run.phases.phase("validate"):
            scores = score(pack, self.rows, only=[number])[number]
        self._run.phases.add_tokens("validate", int(self.rows.lengths.sum()))
        return self._predictions(scores, trial.link)

    def _predictions(self, scores: np.ndarray, link: Link) -> Predictions:
        return predictions_of(self.rows, scores, self._labels, is_expected_score=link == "identity")
