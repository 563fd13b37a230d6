"""TF-IDF as it is kept: the numbers are scikit-learn's own, bit by bit, before and after a file."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge

from evaluation.made_up import label_space
from headtohead.data.words import Words, choose_words
from headtohead.errors import UserError
from headtohead.evaluation import Tfidf, fit_tfidf

TEXTS = [
    " ".join(random.Random(n).choices(["the", "match", "court", "chip", "goal", "law", "fast", str(n % 7)], k=9))
    for n in range(90)
]
TRAIN, NEW = TEXTS[:60], TEXTS[60:]


def sklearns_own(kind: str, answers: np.ndarray) -> np.ndarray:
    """What the baseline has always been, written down once more from scikit-learn's estimators."""
    vectoriser = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, max_features=50_000, token_pattern=r"(?u)\b\w+\b"
    )
    features, rows = vectoriser.fit_transform(TRAIN), vectoriser.transform(NEW)
    if kind == "real":
        return Ridge(alpha=1.0, random_state=0).fit(features, answers.astype(float)).predict(rows)[:, None]

    def logistic(given: np.ndarray) -> Any:
        return LogisticRegression(C=10.0, max_iter=1000, random_state=0).fit(features, given)

    if kind == "multi":
        return np.stack([special.log_expit(logistic(column).decision_function(rows)) for column in answers.T], axis=1)
    return special.log_softmax(logistic(answers).predict_log_proba(rows), axis=1)


@pytest.mark.parametrize(("kind", "labels"), [("single", 2), ("single", 4), ("ordinal", 3), ("multi", 3), ("real", 1)])
def test_scores_of_spaced_text_are_scikit_learns_own(kind: Any, labels: int, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    answers = {
        "real": draw.normal(size=60),
        "multi": draw.integers(0, 2, size=(60, labels)),
    }.get(kind, draw.integers(0, labels, size=60))
    model = fit_tfidf(iter(TRAIN), answers, label_space(kind, labels), words=choose_words(TRAIN), seed=0)
    expected = sklearns_own(kind, answers)
    assert np.array_equal(model.scores(NEW), expected)
    model.save(tmp_path / "model.safetensors")
    again = Tfidf.load(tmp_path / "model.safetensors")
    assert again.labels == model.labels
    assert np.array_equal(again.scores(iter(NEW)), expected)


@pytest.mark.parametrize("seen", [[1], [0, 2], [0, 1, 3]])
def test_labels_without_training_rows_survive_the_file(seen: list[int], tmp_path: Path) -> None:
    answers = np.array([seen[n % len(seen)] for n in range(60)])
    model = fit_tfidf(TRAIN, answers, label_space("single", 5), words=Words(), seed=0)
    model.save(tmp_path / "model.safetensors")
    scores = Tfidf.load(tmp_path / "model.safetensors").scores(NEW)
    assert np.array_equal(scores, model.scores(NEW))
    assert np.exp(scores).sum(axis=1) == pytest.approx(np.ones(30))
    absent = [label for label in range(5) if label not in seen]
    assert np.exp(scores[:, absent]) == pytest.approx(np.full((30, len(absent)), 1 / (65 + len(absent))))


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_text("nothing")
    with pytest.raises(UserError, match=r"model\.safetensors is no TF-IDF model"):
        Tfidf.load(tmp_path / "model.safetensors")
