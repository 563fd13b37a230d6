"""Predictions of each kind with known noise, for tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from headtohead.labels import LabelKind, LabelSpace
from headtohead.results import Predictions


def label_space(kind: LabelKind, labels: int = 4, names: list[str] | None = None) -> LabelSpace:
    given = tuple(names or (["score"] if kind == "real" else [f"label {i}" for i in range(labels)]))
    values = tuple(float(i + 1) for i in range(len(given))) if kind == "ordinal" else ()
    return LabelSpace(kind=kind, names=given, words=given, descriptions=("",) * len(given), values=values)


def predictions_from(space: LabelSpace, gold: Any, scores: Any, **given: Any) -> Predictions:
    rows = len(gold)
    ids = np.array([f"row {i}" for i in range(rows)], dtype=object)
    fields = {
        "row_id": ids,
        "text_hash": ids,
        "split": np.full(rows, "test", dtype=object),
        "group": ids,
        "tokens": np.arange(rows) + 5,
        "truncated": np.arange(rows) % 4 == 3,
    }
    return Predictions(labels=space, gold=np.asarray(gold), scores=np.asarray(scores, dtype=float), **(fields | given))


def random_predictions(kind: LabelKind, rows: int = 60, labels: int = 4, seed: int = 0, **given: Any) -> Predictions:
    """Return predictions that are right more often than not; scores carry ties, and few rows may lack a class."""
    generator = np.random.default_rng(seed)
    names = given.pop("names", None)
    space = label_space(kind, labels, names)
    width = len(space)
    given["tokens"] = generator.integers(5, 200, rows)
    if kind == "real" or given.get("is_expected_score"):
        gold = generator.normal(size=rows) if kind == "real" else generator.integers(0, width, rows)
        centre = gold if kind == "real" else gold + 1
        given["is_expected_score"] = True
        return predictions_from(space, gold, (centre + generator.normal(size=rows)).round(1)[:, None], **given)
    noise = generator.normal(size=(rows, width)) * 1.5
    if kind == "multi":
        gold = (generator.random((rows, width)) < 0.3).astype(int)
        return predictions_from(space, gold, special.log_expit((3 * gold - 1.5 + noise).round(1)), **given)
    gold = generator.integers(0, width, rows)
    logits = (noise + 2 * np.eye(width)[gold]).round(1)
    return predictions_from(space, gold, special.log_softmax(logits, axis=1), **given)
