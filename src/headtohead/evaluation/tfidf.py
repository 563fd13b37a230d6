"""TF-IDF with a linear model: fitted, asked, and kept as arrays and plain values that any scikit-learn can read."""

from __future__ import annotations

import functools
import json
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Num
from scipy import special

from headtohead import atomic
from headtohead.data.words import Words
from headtohead.errors import UserError
from headtohead.labels import LabelSpace
from headtohead.results import Predictions

MAX_FEATURES = 50_000
"""Most frequent terms kept. On 20 Newsgroups (11,293 rows) twice as many gain .004 and double the time."""
RARE_FROM_ROWS = 1_000
"""From this many training rows on, a term must occur in two of them."""
SMALLEST = float(np.finfo(np.float64).tiny)
"""The least probability, where a sure model's others round to zero."""
INVERSE_PENALTY = 10.0
"""scikit-learn's ``C``; its default of 1 is too strict for L2-normed rows (20 Newsgroups .834 against .846)."""


@dataclass(frozen=True, kw_only=True)
class Tfidf:
    """A fitted vectoriser and the linear model on it."""

    labels: LabelSpace
    vectoriser: dict[str, Any]
    """Arguments of scikit-learn's ``TfidfVectorizer`` beside the vocabulary."""
    terms: list[str]
    """In the order of the columns."""
    idf: Float[np.ndarray, " terms"]
    coefficients: Float[np.ndarray, "decisions terms"]
    intercepts: Float[np.ndarray, " decisions"]
    learnt: list[int]
    """The labels that there was something to learn of: two have one decision, that for the second."""
    unlearnt: Float[np.ndarray, " labels"]
    """Log-probability of every other label, before probabilities are made to sum to one."""

    def scores(self, texts: Iterable[str]) -> Float[np.ndarray, "rows width"]:
        """Return what predictions store: a log-probability per label, or the expected score."""
        decisions = self._fitted.transform(texts) @ self.coefficients.T + self.intercepts
        if self.labels.kind == "real":
            return decisions
        scores = np.tile(self.unlearnt, (len(decisions), 1))
        if self.labels.kind == "multi":
            scores[:, self.learnt] = special.log_expit(decisions)
            return scores
        scores[:, self.learnt] = _log_probabilities(decisions, len(self.learnt))
        normalised: np.ndarray = special.log_softmax(scores, axis=1)
        return normalised

    def answer(self, texts: Iterable[str], like: Predictions) -> Predictions:
        """Answer the rows of ``like``, whose texts are given in its order."""
        scores = self.scores(texts)
        assert len(scores) == len(like), f"{len(scores)} texts for {len(like)} rows"
        return answered(like, scores)

    def save(self, path: Path) -> None:
        """Write a safetensors file; the plain values are JSON in its tensor ``about``."""
        from safetensors.numpy import save_file

        about = json.dumps({**self.about(), "terms": self.terms}, ensure_ascii=False).encode()
        with atomic.new_file(path) as temporary:
            save_file({**self.arrays(), "about": np.frombuffer(about, dtype=np.uint8)}, temporary)

    @classmethod
    def load(cls, path: Path) -> Tfidf:
        """Read what ``save`` wrote.

        Raises:
            UserError: the file is damaged, or holds something else.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            arrays = load_file(path)
            about = json.loads(arrays.pop("about").tobytes())
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            raise UserError(f"{path} is no TF-IDF model: {error}") from None
        labels, vectoriser = LabelSpace.from_dict(about["labels"]), about["vectoriser"]
        vectoriser["ngram_range"] = tuple(vectoriser["ngram_range"])
        return cls(labels=labels, vectoriser=vectoriser, terms=about["terms"], learnt=about["learnt"], **arrays)

    def about(self) -> dict[str, Any]:
        """Return the plain values, JSON-ready, without the terms."""
        return {"labels": self.labels.as_dict(), "vectoriser": self.vectoriser, "learnt": self.learnt}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays by name."""
        names = ("idf", "coefficients", "intercepts", "unlearnt")
        return {name: np.ascontiguousarray(getattr(self, name), dtype=np.float64) for name in names}

    @functools.cached_property
    def _fitted(self) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectoriser = TfidfVectorizer(**self.vectoriser, vocabulary=self.terms)
        vectoriser.idf_ = self.idf
        return vectoriser


def fit_tfidf(train_texts: Iterable[str], train_labels: Any, labels: LabelSpace, *, words: Words, seed: int) -> Tfidf:
    """Fit logistic regression (single-label, ordinal), one per label (multi-label) or ridge (real) on TF-IDF.

    Args:
        train_texts: Read once.
        train_labels: Encoded as ``Predictions.gold``, in the order of ``train_texts``.
        labels: What can be answered.
        words: What a term is.
        seed: Of the solver.

    Raises:
        UserError: no training rows, or no training text holds a word.
    """
    answers = np.asarray(train_labels)
    require_rows(answers)
    vectoriser, features = _vectorised(train_texts, len(answers), words)
    match labels.kind:
        case "real":
            linear = _ridge(features, answers, seed)
        case "multi":
            linear = _one_per_label(features, answers, seed)
        case _:
            linear = _softmax(features, answers, len(labels), seed)
    return Tfidf(
        labels=labels,
        vectoriser=_settings(words),
        terms=vectoriser.get_feature_names_out().tolist(),
        idf=vectoriser.idf_,
        **linear,
    )


def require_rows(answers: np.ndarray) -> None:
    """Refuse an empty training split.

    Raises:
        UserError: it is empty.
    """
    if len(answers) == 0:
        raise UserError("no training rows to fit a baseline on: the training split is empty")


def answered(like: Predictions, scores: Float[np.ndarray, "rows width"]) -> Predictions:
    """Return the rows with these scores in place of their own."""
    return replace(like, scores=scores, is_expected_score=like.labels.kind == "real")


def _settings(words: Words) -> dict[str, Any]:
    return {"sublinear_tf": True, **words.vectoriser}


def _vectorised(train_texts: Iterable[str], train_rows: int, words: Words) -> tuple[Any, Any]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    limits = {"min_df": 2 if train_rows >= RARE_FROM_ROWS else 1, "max_features": MAX_FEATURES}
    vectoriser = TfidfVectorizer(**_settings(words), **limits, dtype=np.float64)
    try:
        features = vectoriser.fit_transform(train_texts)
    except ValueError as error:  # scikit-learn's only complaint about iterables of strings is an empty vocabulary
        raise UserError(f"the TF-IDF baseline finds no words in the {train_rows} training texts: {error}") from None
    assert features.shape[0] == train_rows, f"{features.shape[0]} training texts for {train_rows} labels"
    return vectoriser, features


def _logistic(seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=INVERSE_PENALTY, max_iter=1000, random_state=seed)


def _fitted(model: Any, features: Any, answers: np.ndarray) -> Any:
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a baseline of 1000 iterations is still a baseline
        return model.fit(features, answers)


def _softmax(features: Any, answers: Num[np.ndarray, " train"], labels: int, seed: int) -> dict[str, Any]:
    """Fit one model; a label without training rows gets the share one row in all would have."""
    seen = np.unique(answers).tolist()
    coefficients, intercepts = np.zeros((1, features.shape[1])), np.zeros(1)
    if len(seen) > 1:
        model = _fitted(_logistic(seed), features, answers)
        coefficients, intercepts = model.coef_, model.intercept_
    unlearnt = np.full(labels, -np.log(len(answers) + labels))
    return {"coefficients": coefficients, "intercepts": intercepts, "learnt": seen, "unlearnt": unlearnt}


def _log_probabilities(decisions: Float[np.ndarray, "rows decisions"], labels: int) -> Float[np.ndarray, "rows labels"]:
    """Return log-probabilities exactly as scikit-learn's ``predict_log_proba`` computes them, but for log(0)."""
    from sklearn.utils.extmath import softmax

    if labels == 1:
        return np.zeros((len(decisions), 1))
    if labels == 2:
        second = special.expit(decisions[:, 0])
        return np.log(np.maximum(np.stack([1 - second, second], axis=1), SMALLEST))
    return np.log(np.maximum(softmax(decisions, copy=True), SMALLEST))


def _one_per_label(features: Any, answers: Num[np.ndarray, "train labels"], seed: int) -> dict[str, Any]:
    """Fit a model for each label; one that no row, or every row, has keeps its smoothed share."""
    total = len(answers)
    present = answers.sum(axis=0)
    learnt = np.flatnonzero((present > 0) & (present < total)).tolist()
    models = [_fitted(_logistic(seed), features, answers[:, label]) for label in learnt]
    return {
        "coefficients": np.array([model.coef_[0] for model in models]).reshape(len(models), features.shape[1]),
        "intercepts": np.array([model.intercept_[0] for model in models]),
        "learnt": learnt,
        "unlearnt": np.log((present + 1) / (total + 2)),
    }


def _ridge(features: Any, answers: Num[np.ndarray, " train"], seed: int) -> dict[str, Any]:
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=1.0, random_state=seed).fit(features, answers.astype(float))
    return {
        "coefficients": model.coef_.reshape(1, -1),
        "intercepts": np.array([model.intercept_]),
        "learnt": [0],
        "unlearnt": np.zeros(1),
    }
