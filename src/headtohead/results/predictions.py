"""Stored predictions: one row per scored text, from which every number of a record can be recomputed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Num

from headtohead import atomic
from headtohead.errors import UserError
from headtohead.labels import LabelSpace

FLAT_COLUMNS = ("row_id", "text_hash", "split", "group", "tokens", "truncated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """Scores and gold answers of the same rows.

    ``scores`` holds a log-probability per label (multi-label: of each label being present), or, where
    ``is_expected_score``, one number per row: the predicted score itself.
    """

    labels: LabelSpace
    row_id: np.ndarray
    """String per row; unique within a split."""
    text_hash: np.ndarray
    """String per row: equal texts have equal hashes."""
    split: np.ndarray
    """String per row: ``validation``, ``test`` or the name of another test set."""
    group: np.ndarray
    """String per row: rows of one group are not independent; the row's own id where data has no groups."""
    tokens: Int[np.ndarray, " rows"]
    """Tokens the model read."""
    truncated: np.ndarray
    """Boolean per row: part of the text was cut."""
    gold: Num[np.ndarray, "rows ..."]
    """Label index (single, ordinal), 0/1 per label (multi: rows x labels) or the score itself (real)."""
    scores: Float[np.ndarray, "rows width"]
    is_expected_score: bool = False

    def __len__(self) -> int:
        return len(self.row_id)

    def select(self, keep: np.ndarray) -> Predictions:
        """Return the rows that a boolean mask or an index array names, in its order."""
        arrays = {name: getattr(self, name)[keep] for name in (*FLAT_COLUMNS, "gold", "scores")}
        return Predictions(labels=self.labels, is_expected_score=self.is_expected_score, **arrays)

    def of_split(self, name: str) -> Predictions:
        """Return the rows of one split."""
        return self.select(self.split == name)

    @property
    def probabilities(self) -> Float[np.ndarray, "rows labels"]:
        """Probability per label; not defined for expected scores."""
        assert not self.is_expected_score
        return np.exp(self.scores)

    @property
    def gold_score(self) -> Float[np.ndarray, " rows"]:
        """Gold answer as a number: the label's value (ordinal) or the score (real)."""
        if self.labels.kind == "ordinal":
            return np.asarray(self.labels.values, dtype=float)[self.gold]
        return self.gold.astype(float)

    @property
    def expected_score(self) -> Float[np.ndarray, " rows"]:
        """Predicted number: the score itself, or the mean of the label values under the probabilities."""
        if self.is_expected_score:
            return self.scores[:, 0].astype(float)
        return self.probabilities @ np.asarray(self.labels.values, dtype=float)

    @property
    def predicted(self) -> Int[np.ndarray, "rows ..."]:
        """Predicted label index (single, ordinal) or 0/1 per label (multi, threshold one half)."""
        if self.labels.kind == "multi":
            return (self.scores >= np.log(0.5)).astype(int)
        if self.is_expected_score:
            distance = np.abs(self.scores[:, :1] - np.asarray(self.labels.values)[None, :])
            return distance.argmin(axis=1)
        return self.scores.argmax(axis=1)

    @property
    def gold_answers(self) -> list[Any]:
        """Gold answers in words: a label's name, a list of names (multi), or a number (real)."""
        match self.labels.kind:
            case "multi":
                return [[self.labels.names[i] for i in np.flatnonzero(row)] for row in self.gold]
            case "real":
                return [float(value) for value in self.gold]
            case _:
                return [self.labels.names[i] for i in self.gold]

    @property
    def predicted_answers(self) -> list[Any]:
        """Predicted answers in words, as ``gold_answers``."""
        if self.labels.kind == "real":
            return [float(value) for value in self.expected_score]
        if self.labels.kind == "multi":
            return [[self.labels.names[i] for i in np.flatnonzero(row)] for row in self.predicted]
        return [self.labels.names[i] for i in self.predicted]


def _score_names(labels: LabelSpace, is_expected_score: bool) -> list[str]:
    return ["expected_score"] if is_expected_score else [f"log_probability/{name}" for name in labels.names]


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write a Parquet file that pandas or DuckDB read as they are; the label space travels in its metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {name: pa.array(list(getattr(predictions, name))) for name in FLAT_COLUMNS}
    columns["gold"] = pa.array(predictions.gold_answers)
    columns["predicted"] = pa.array(predictions.predicted_answers)
    for i, name in enumerate(_score_names(predictions.labels, predictions.is_expected_score)):
        columns[name] = pa.array(predictions.scores[:, i].astype(np.float64))
    about = {"labels": predictions.labels.as_dict(), "is_expected_score": predictions.is_expected_score}
    table = pa.table(columns).replace_schema_metadata({"headtohead": json.dumps(about)})
    with atomic.new_file(path) as temporary:
        pq.write_table(table, temporary)


def read_predictions(path: Path) -> Predictions:
    """Read what ``write_predictions`` wrote.

    Raises:
        UserError: the file is missing or was not written by this project.
    """
    import pyarrow.parquet as pq

    if not path.is_file():
        raise UserError(f"no predictions at {path}; the run has not got that far, or the path is not a run folder")
    table = pq.read_table(path)
    about = json.loads((table.schema.metadata or {}).get(b"headtohead", b"null"))
    if about is None:
        raise UserError(f"{path} was not written by headtohead: its schema metadata names no label space")
    labels = LabelSpace.from_dict(about["labels"])
    column = {name: table.column(name).to_pylist() for name in table.column_names}
    scores = [column[name] for name in _score_names(labels, about["is_expected_score"])]
    return Predictions(
        labels=labels,
        is_expected_score=about["is_expected_score"],
        gold=_gold_array(labels, column["gold"]),
        scores=np.asarray(scores, dtype=np.float64).T.reshape(len(column["gold"]), len(scores)),
        tokens=np.asarray(column["tokens"], dtype=np.int64),
        truncated=np.asarray(column["truncated"], dtype=bool),
        **{name: np.asarray(column[name], dtype=object) for name in ("row_id", "text_hash", "split", "group")},
    )


def _gold_array(labels: LabelSpace, gold: list[Any]) -> np.ndarray:
    match labels.kind:
        case "multi":
            present = [[name in row for name in labels.names] for row in gold]
            return np.asarray(present, dtype=np.int64).reshape(len(gold), len(labels))
        case "real":
            return np.asarray(gold, dtype=np.float64)
        case _:
            return np.asarray([labels.index(name) for name in gold], dtype=np.int64)
