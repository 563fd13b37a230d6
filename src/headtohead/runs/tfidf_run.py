"""Fit TF-IDF and logistic regression as a run of its own: same data, same evaluation, same record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

from headtohead.batching.encode import EncodedRows
from headtohead.classifiers.split_scoring import predictions_of
from headtohead.config import Config
from headtohead.data import Corpus
from headtohead.evaluation import Tfidf, fit_tfidf
from headtohead.results import Predictions, run_folder
from headtohead.runs.run import Run, splits_to_score
from headtohead.runs.tracker_payloads import start_tracking

if TYPE_CHECKING:
    from datasets import Dataset


def fit_tfidf_run(run: Run, corpus: Corpus) -> tuple[dict[str, Predictions], dict[str, EncodedRows]]:
    """Fit on the training rows, all of them (evaluate.baseline_rows is of baselines), and score the other splits."""
    splits = {"train": corpus.train, **splits_to_score(run.config, corpus)}
    encoded = {split: _words(split, rows, corpus) for split, rows in splits.items()}
    like = {split: _like(rows, corpus) for split, rows in encoded.items() if split != "train"}
    with run.phases.phase("train"):
        texts, targets = corpus_texts(corpus.train), encoded["train"].targets
        model = fit_tfidf(texts, targets, corpus.labels, words=corpus.words, seed=run.config.seed)
        scored = {split: model.answer(corpus_texts(splits[split]), rows) for split, rows in like.items()}
    run.record.test_reads += len(like) - 1
    run.record.model = {"name": "tfidf", "terms": len(model.terms)}
    start_tracking(run)
    if run.processes.is_main:
        model.save(run.folder / run_folder.WEIGHTS)
    return scored, encoded


def score_tfidf(model: Tfidf, corpus: Corpus, config: Config) -> dict[str, Predictions]:
    """Score the validation and test splits of a finished run again."""
    splits = splits_to_score(config, corpus)
    return {
        split: model.answer(corpus_texts(rows), _like(_words(split, rows, corpus), corpus))
        for split, rows in splits.items()
    }


def corpus_texts(rows: Dataset) -> Iterator[str]:
    """Iterate over the texts of a split; they stay on disk."""
    return (text for batch in rows.iter(1000) for text in batch["text"])


def _words(split: str, rows: Dataset, corpus: Corpus) -> EncodedRows:
    """Describe a split as read whole, in words instead of tokens."""
    lengths: Int[np.ndarray, " rows"] = np.asarray(
        [len(corpus.words.split(text)) for text in corpus_texts(rows)], dtype=np.int64
    )
    texts = rows.select_columns(["text"]).rename_column("text", "text_read")
    kind = np.float64 if corpus.labels.kind == "real" else np.int64
    return EncodedRows(
        split=split,
        key=f"{corpus.fingerprint} {split} in words",
        rows=rows,
        tokens=texts,
        lengths=lengths,
        tokens_lost=np.zeros(len(rows), dtype=np.int64),
        targets=np.asarray(rows["label"][:], dtype=kind),
    )


def _like(rows: EncodedRows, corpus: Corpus) -> Predictions:
    is_score = corpus.labels.kind == "real"
    scores = np.zeros((len(rows), 1 if is_score else len(corpus.labels)))
    return predictions_of(rows, scores, corpus.labels, is_expected_score=is_score)
