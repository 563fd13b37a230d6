"""Baselines beside a run: on big data TF-IDF learns from a stated part of the training rows."""

from __future__ import annotations

import numpy as np
import pytest

from headtohead.batching.encode import EncodedRows
from headtohead.classifiers import split_scoring
from headtohead.classifiers.split_scoring import predictions_of, score_baselines
from headtohead.data.words import Words
from headtohead.results import RunRecord
from tiny_runs import dataset_of, labels_of

LABELS = labels_of(words=("sport", "tech"))


def rows_of(split: str, count: int) -> EncodedRows:
    texts = [f"the {LABELS.words[n % 2]} {n}" for n in range(count)]
    rows = dataset_of(texts, [n % 2 for n in range(count)])
    return EncodedRows(
        split=split,
        key=split,
        rows=rows,
        tokens=rows.select_columns(["text"]).rename_column("text", "text_read"),
        lengths=np.full(count, 3),
        tokens_lost=np.zeros(count, dtype=np.int64),
        targets=np.arange(count) % 2,
    )


@pytest.mark.parametrize(("most", "learnt"), [(6, 6), (100, 20)])
def test_tfidf_learns_from_so_many_rows_and_says_so(
    most: int, learnt: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    train, test = rows_of("train", 20), rows_of("test", 8)
    mine = predictions_of(test, np.log(np.full((8, 2), 0.5)), LABELS, is_expected_score=False)
    record = RunRecord(name="x", fingerprint="x", status="running", config={})
    seen, real = [], split_scoring.tfidf_predictions

    def spied(texts, labels, *rest, **options):  # type: ignore[no-untyped-def]
        read = list(texts)
        seen.append((len(read), len(labels)))
        return real(read, labels, *rest, **options)

    monkeypatch.setattr(split_scoring, "tfidf_predictions", spied)
    score_baselines(record, {"test": mine}, train, {"test": test}, words=Words(), most_rows=most, resamples=100, seed=0)
    assert seen == [(learnt, learnt)] * 2
    assert record.baselines["tfidf"]["test"]["accuracy"]["value"] == 1.0
    said = "baseline tfidf learnt from 6 of 20 training rows (evaluate.baseline_rows)"
    assert (said in record.cost["notes"]) == (said in capsys.readouterr().out) == (most == 6)
