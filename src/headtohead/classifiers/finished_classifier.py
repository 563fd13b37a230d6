"""A finished run that answers new rows: a language model behind its prompt, or TF-IDF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from headtohead.classifiers.reload import Reloaded, read_run, reload_run
from headtohead.data.words import Words
from headtohead.evaluation import Tfidf
from headtohead.labels import LabelSpace
from headtohead.results import RunRecord, run_folder
from headtohead.training import score_prompts
from headtohead.training.best_label import BestLabel, can_search

Row = dict[str, Any]
"""``row_id``, ``text`` and ``messages`` (or None)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What a model made of some rows."""

    tokens: Int[np.ndarray, " rows"]
    """Tokens that were read; words, of TF-IDF."""
    truncated: Bool[np.ndarray, " rows"]
    scores: Float[np.ndarray, "rows width"] | None = None
    """As predictions store them; None where only the best label was looked for."""
    best: Sequence[int] = ()


@runtime_checkable
class Classifier(Protocol):
    """Whatever answers rows."""

    record: RunRecord
    labels: LabelSpace

    @property
    def is_expected_score(self) -> bool:
        """Whether scores are numbers to be expected instead of log-probabilities."""
        ...

    def score(self, rows: Sequence[Row], *, label_alone: bool) -> Scored:
        """Score rows; where the label alone is asked for, by the cheapest way to it."""
        ...


def open_classifier(folder: Path, cache: str | None = None) -> Classifier:
    """Load a finished run.

    Raises:
        UserError: it cannot be loaded.
    """
    record, config = read_run(folder)
    if config.model.kind == "tfidf":
        return TfidfClassifier(record, Tfidf.load(folder / run_folder.WEIGHTS))
    return LanguageClassifier(reload_run(folder, cache=cache))


class TfidfClassifier:
    """TF-IDF and its linear model."""

    def __init__(self, record: RunRecord, model: Tfidf) -> None:
        self.record, self.labels = record, model.labels
        self._model, self._words = model, Words.from_dict(record.data["words"])

    @property
    def is_expected_score(self) -> bool:
        return self.labels.kind == "real"

    def score(self, rows: Sequence[Row], *, label_alone: bool) -> Scored:
        texts = [row["text"] for row in rows]
        return Scored(
            tokens=np.asarray([len(self._words.split(text)) for text in texts], dtype=np.int64),
            truncated=np.zeros(len(rows), dtype=bool),
            scores=self._model.scores(texts),
        )


class LanguageClassifier:
    """A language model with its prompt and head."""

    def __init__(self, reloaded: Reloaded) -> None:
        self.record, self.labels = reloaded.record, reloaded.labels
        self._encoder, self._pack = reloaded.reader.encoder, reloaded.pack

    @property
    def is_expected_score(self) -> bool:
        return self._pack.trials[0].link == "identity"

    def score(self, rows: Sequence[Row], *, label_alone: bool) -> Scored:
        messages = [row["messages"] for row in rows] if rows[0]["messages"] is not None else None
        encoded = self._encoder.encode([row["text"] for row in rows], messages)
        ids = encoded["input_ids"]
        lengths = np.asarray([len(row) for row in ids])
        truncated = np.asarray(encoded["tokens_lost"]) > 0

        def input_ids(index: np.ndarray) -> list[list[int]]:
            return [ids[int(i)] for i in index]

        if label_alone and self.labels.kind == "single" and can_search(self._pack):
            best = BestLabel(self._pack).of_prompts(lengths, input_ids)
            return Scored(tokens=lengths, truncated=truncated, best=[int(label) for label in best])
        scores = score_prompts(self._pack, lengths, input_ids)[0]
        return Scored(tokens=lengths, truncated=truncated, scores=scores)
