"""Simple learners, each trained on many data sets at once: what cross-validation is simulated with.

Each takes training features (sets x rows x features), their labels (sets x rows), features to answer, the number of labels,
and a generator; it returns answers (sets x asked).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Learner = Callable[[np.ndarray, np.ndarray, np.ndarray, int, np.random.Generator], np.ndarray]
STEPS = 40
"""Of gradient descent."""
HIDDEN = 12


def centroid(
    taught: np.ndarray, known: np.ndarray, asked: np.ndarray, classes: int, _: np.random.Generator
) -> np.ndarray:
    """Answer the label whose mean is nearest."""
    members = np.eye(classes)[known]
    means = np.matmul(members.transpose(0, 2, 1), taught) / np.maximum(members.sum(axis=1), 1)[..., None]
    return (np.matmul(asked, means.transpose(0, 2, 1)) - 0.5 * (means**2).sum(axis=-1)[:, None]).argmax(axis=-1)


def bayes(taught: np.ndarray, known: np.ndarray, asked: np.ndarray, classes: int, _: np.random.Generator) -> np.ndarray:
    """Answer as naive Bayes over features that are there or not."""
    members, there = np.eye(classes)[known], (taught > 0).astype(float)
    rate = (np.matmul(members.transpose(0, 2, 1), there) + 1) / (members.sum(axis=1) + 2)[..., None]
    given, prior = (asked > 0).astype(float), np.log(members.sum(axis=1) + 1)
    present, absent = (np.log(each).transpose(0, 2, 1) for each in (rate, 1 - rate))
    return (np.matmul(given, present) + np.matmul(1 - given, absent) + prior[:, None]).argmax(axis=-1)


def nearest(
    taught: np.ndarray, known: np.ndarray, asked: np.ndarray, classes: int, _: np.random.Generator
) -> np.ndarray:
    """Answer the label of the nearest neighbour: the learner that hangs most on single rows."""
    distance = (taught**2).sum(axis=-1)[:, None] - 2 * np.matmul(asked, taught.transpose(0, 2, 1))
    return np.take_along_axis(known, distance.argmin(axis=-1), 1)


def ridge(
    taught: np.ndarray, known: np.ndarray, asked: np.ndarray, classes: int, _: np.random.Generator, penalty: float = 1.0
) -> np.ndarray:
    """Answer by least squares on the labels, with a penalty."""
    taught, asked = _with_constant(taught), _with_constant(asked)
    square = np.matmul(taught.transpose(0, 2, 1), taught) + penalty * np.eye(taught.shape[-1])
    weights = np.linalg.solve(square, np.matmul(taught.transpose(0, 2, 1), np.eye(classes)[known]))
    return np.matmul(asked, weights).argmax(axis=-1)


def logistic(
    taught: np.ndarray, known: np.ndarray, asked: np.ndarray, classes: int, _: np.random.Generator
) -> np.ndarray:
    """Answer by logistic regression, a number of steps of gradient descent."""
    taught, asked, target = _with_constant(taught), _with_constant(asked), np.eye(classes)[known]
    weights = np.zeros((len(taught), taught.shape[-1], classes))
    for _step in range(STEPS):
        scores = np.matmul(taught, weights)
        odds = np.exp(scores - scores.max(axis=-1, keepdims=True))
        error = odds / odds.sum(axis=-1, keepdims=True) - target
        weights -= 0.5 * (np.matmul(taught.transpose(0, 2, 1), error) / taught.shape[1] + 0.002 * weights)
    return np.matmul(asked, weights).argmax(axis=-1)


def random_features(
    taught: np.ndarray, known: np.ndarray, asked: np.ndarray, classes: int, generator: np.random.Generator
) -> np.ndarray:
    """Answer by least squares on random features, drawn anew for every training: a learner with a seed."""
    first = 2 * generator.standard_normal((len(taught), taught.shape[-1], HIDDEN)) / np.sqrt(taught.shape[-1])
    offset = generator.standard_normal((len(taught), 1, HIDDEN))
    hidden = [np.tanh(np.matmul(each, first) + offset) for each in (taught, asked)]
    return ridge(hidden[0], known, hidden[1], classes, generator, penalty=0.1)


def _with_constant(features: np.ndarray) -> np.ndarray:
    return np.concatenate([features, np.ones((*features.shape[:2], 1))], axis=-1)


LEARNERS: dict[str, Learner] = {
    "centroid": centroid,
    "bayes": bayes,
    "nearest": nearest,
    "ridge": ridge,
    "logistic": logistic,
    "random_features": random_features,
}
