"""What every run is set against, on the same rows: the majority class, and TF-IDF with a linear model."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float, Num
from scipy import special

from headtohead.data.words import Words
from headtohead.errors import UserError
from headtohead.results import Predictions

MAX_FEATURES = 50_000
"""Most frequent terms kept. On 20 Newsgroups (11,293 rows) twice as many gain .004 and double the time."""
RARE_FROM_ROWS = 1_000
"""From this many training rows on, a term must occur in two of them."""
INVERSE_PENALTY = 10.0
"""scikit-learn's ``C``; its default of 1 is too strict for L2-normed rows (20 Newsgroups .834 against .846)."""


def majority_predictions(train_labels: Any, like: Predictions) -> Predictions:
    """Answer every row with the training frequencies (so with the majority class), or with the mean score.

    Frequencies are smoothed by one row per label (Laplace), so that log-loss stays finite.

    Args:
        train_labels: Encoded as ``Predictions.gold``.
        like: Rows, gold answers and labels.
    """
    answers = np.asarray(train_labels)
    _refuse_none(answers)
    match like.labels.kind:
        case "real":
            scores = np.array([answers.astype(float).mean()])
        case "multi":
            scores = np.log((answers.sum(axis=0) + 1) / (len(answers) + 2))
        case _:
            counts = np.bincount(answers, minlength=len(like.labels))
            scores = np.log((counts + 1) / (counts + 1).sum())
    return _answered(like, np.tile(scores.astype(float), (len(like), 1)))


def tfidf_predictions(
    train_texts: Iterable[str], train_labels: Any, texts: Iterable[str], like: Predictions, *, words: Words, seed: int
) -> Predictions:
    """Fit TF-IDF and a linear model on the training rows, and answer the given ones.

    Logistic regression (single-label, ordinal), one per label (multi-label) or ridge (real).

    Args:
        train_texts: Read once.
        train_labels: Encoded as ``Predictions.gold``, in the order of ``train_texts``.
        texts: The rows of ``like``, in its order.
        like: Rows, gold answers and labels.
        words: What a term is: 1-2-grams of words, or what the texts call for instead.
        seed: Of the linear model's solver.

    Raises:
        UserError: no training rows, or no training text holds a word.
    """
    answers = np.asarray(train_labels)
    _refuse_none(answers)
    features, rows = _features(train_texts, len(answers), texts, words)
    assert rows.shape[0] == len(like), f"{rows.shape[0]} texts for {len(like)} rows"
    match like.labels.kind:
        case "real":
            scores = _ridge(features, answers, rows, seed)
        case "multi":
            scores = _one_per_label(features, answers, rows, seed)
        case _:
            scores = _softmax(features, answers, rows, len(like.labels), seed)
    return _answered(like, scores)


def _refuse_none(answers: np.ndarray) -> None:
    if len(answers) == 0:
        raise UserError("no training rows to fit a baseline on: the training split is empty")


def _answered(like: Predictions, scores: Float[np.ndarray, "rows width"]) -> Predictions:
    return replace(like, scores=scores, is_expected_score=like.labels.kind == "real")


def _features(train_texts: Iterable[str], train_rows: int, texts: Iterable[str], words: Words) -> tuple[Any, Any]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectoriser = TfidfVectorizer(
        sublinear_tf=True,
        min_df=2 if train_rows >= RARE_FROM_ROWS else 1,
        max_features=MAX_FEATURES,
        dtype=np.float64,
        **words.vectoriser,
    )
    try:
        features = vectoriser.fit_transform(train_texts)
    except ValueError as error:  # scikit-learn's only complaint about iterables of strings is an empty vocabulary
        raise UserError(f"the TF-IDF baseline finds no words in the {train_rows} training texts: {error}") from None
    assert features.shape[0] == train_rows, f"{features.shape[0]} training texts for {train_rows} labels"
    return features, vectoriser.transform(texts)


def _logistic(seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=INVERSE_PENALTY, max_iter=1000, random_state=seed)


def _fitted(model: Any, features: Any, answers: np.ndarray) -> Any:
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a baseline of 1000 iterations is still a baseline
        return model.fit(features, answers)


def _softmax(features: Any, answers: Num[np.ndarray, " train"], rows: Any, labels: int, seed: int) -> np.ndarray:
    """Return log-probabilities; a label without training rows gets the share one row in all would have."""
    seen = np.unique(answers)
    scores = np.full((rows.shape[0], labels), -np.log(len(answers) + labels))
    if len(seen) == 1:
        scores[:, seen[0]] = 0.0
    else:
        model = _fitted(_logistic(seed), features, answers)
        scores[:, seen] = model.predict_log_proba(rows)
    normalised: np.ndarray = special.log_softmax(scores, axis=1)
    return normalised


def _one_per_label(features: Any, answers: Num[np.ndarray, "train labels"], rows: Any, seed: int) -> np.ndarray:
    """Return the log-probability of each label; one that no row, or every row, has keeps its smoothed share."""
    total = len(answers)
    present = answers.sum(axis=0)
    scores = np.tile(np.log((present + 1) / (total + 2)), (rows.shape[0], 1))
    for label in np.flatnonzero((present > 0) & (present < total)):
        model = _fitted(_logistic(seed), features, answers[:, label])
        scores[:, label] = special.log_expit(model.decision_function(rows))
    return scores


def _ridge(features: Any, answers: Num[np.ndarray, " train"], rows: Any, seed: int) -> np.ndarray:
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=1.0, random_state=seed).fit(features, answers.astype(float))
    scores: np.ndarray = model.predict(rows)[:, None]
    return scores
