"""Arms with known noise, for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import special

from evaluation.made_up import random_predictions
from headtohead.labels import LabelKind
from headtohead.results import Predictions
from headtohead.statistics import Arm


def noisy_runs(base: Predictions, count: int, *, noise: float = 1.0, seed: int = 0) -> list[Predictions]:
    """Return runs that answer the same rows, each with its own noise on the scores."""
    generator = np.random.default_rng(seed)
    runs = []
    for _ in range(count):
        noises = noise * generator.normal(size=base.scores.shape)
        scores = base.scores + noises
        if base.labels.kind == "multi":
            scores = special.log_expit(base.scores - np.log(-np.expm1(base.scores)) + noises)
        elif not base.is_expected_score:
            scores = special.log_softmax(scores, axis=1)
        runs.append(replace(base, scores=scores))
    return runs


def made_up_arm(name: str, kind: LabelKind = "single", *, rows: int = 60, runs: int = 3, **given: Any) -> Arm:
    """Return an arm of one configuration on rows that all such arms share."""
    group = given.pop("group", None)
    base = random_predictions(kind, rows, seed=5)
    if group is not None:
        base = replace(base, group=group)
    configurations = [noisy_runs(base, runs, noise=given.pop("noise", 1.0), seed=given.pop("seed", 0))]
    return Arm(name=name, configurations=configurations, **given)
