"""Error rates of verdicts by repeated cross-validation, measured on learners that are really trained on overlapping folds.

    python benchmarks/fold_calibration.py [--replications 1000] [--output folds.json]

Two arms are one learner on the two halves of the features. The halves are alike in distribution, so that the arms are equal
over training samples, and yet every sample makes one of them better: what rows that test do not show. Shifted, one half tells
less of the labels. Tuned, every arm is in each fold the best of all learners by that fold's validation rows. Each cell is
judged by the rule of the package (``lay_out_folds``) and by those it was chosen from: rows alone, Nadeau and Bengio's corrected
t-test over folds (Bouckaert and Frank's for repetitions), and the wider of both.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from headtohead.statistics.folds import FoldPlan, lay_out_folds
from headtohead.statistics.influence import macro_f1
from headtohead.statistics.variance import Stratum, degrees_of_freedom
from simulated_learners import LEARNERS, Learner
from verdict_calibration import Row, violations

ALPHA = 0.05
AT_ONCE = 50
RULES = ("package", "rows", "nadeau_bengio", "wider")
METRICS = ("accuracy", "macro_f1")
TUNED = "best by validation"
"""In place of a learner's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One design: data, learner and folds."""

    rows: int
    classes: int = 2
    folds: int = 5
    repetitions: int = 3
    learner: str = "centroid"
    features: int = 10
    separation: float = 0.45
    shared: float = 0.3
    """Part of the features' noise that both arms see: rows that are hard for both."""
    second: float = 1.0
    """How far apart the labels lie in the second arm's features, over the first's; 1: equal arms."""
    rare: bool = False
    """All labels but the first have a quarter of its rows."""
    validation: float = 0.1
    """Part of the rows that a fold neither trains on nor tests, as every run of the package has."""

    @property
    def name(self) -> str:
        """For tables."""
        given = {key: value for key, value in asdict(self).items() if value != getattr(Cell(rows=0), key)}
        return " ".join(f"{key}={value}" for key, value in given.items())


def _cells() -> Iterator[Cell]:
    plans = ((5, 1), (5, 3), (10, 1))
    for rows in (60, 200):
        for classes in (2, 5):
            for learner in LEARNERS:
                for folds, repetitions in plans:
                    yield Cell(rows=rows, classes=classes, learner=learner, folds=folds, repetitions=repetitions)
    for classes in (2, 5):
        for learner in ("centroid", "bayes", "random_features"):
            yield Cell(rows=800, classes=classes, learner=learner)
            yield Cell(rows=800, classes=classes, learner=learner, folds=10, repetitions=1)
    for learner in ("bayes", "nearest", "ridge"):
        for more in (
            {"second": 0.7},
            {"rare": True, "separation": 0.6, "classes": 5},
            {"features": 3, "separation": 0.7},
            {"features": 3, "separation": 0.7, "classes": 5},
            {"features": 40, "separation": 0.25, "shared": 0.8},
            {"validation": 0.2},
            {"separation": 0.9, "shared": 0.5},
        ):
            yield Cell(rows=60, learner=learner, **more)
            yield Cell(rows=200, learner=learner, **more)
    for rows, validation in ((60, 0.2), (200, 0.1), (200, 0.2)):
        for classes in (2, 5):
            for folds, repetitions in plans:
                given = {"rows": rows, "classes": classes, "folds": folds, "repetitions": repetitions}
                yield Cell(learner=TUNED, validation=validation, **given)


CELLS = tuple(_cells())


def simulate(cell: Cell, generator: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw data sets, and cross-validate both arms on each.

    Returns:
        Labels (data sets x rows), folds (data sets x repetitions x rows), answers (arms x data sets x repetitions x rows).
    """
    weight = np.r_[1.0, np.full(cell.classes - 1, 0.25 if cell.rare else 1.0)]
    labels = generator.choice(cell.classes, (count, cell.rows), p=weight / weight.sum())
    centres = np.random.default_rng(7).standard_normal((cell.classes, cell.features))
    if cell.classes == 2:
        centres[1] = -centres[0]
    seen_by_both = np.sqrt(cell.shared) * generator.standard_normal((count, cell.rows, cell.features))
    arms = [
        apart * cell.separation * centres[labels]
        + seen_by_both
        + np.sqrt(1 - cell.shared) * generator.standard_normal(seen_by_both.shape)
        for apart in (1.0, cell.second)
    ]
    folds = np.stack([_deal(labels, cell.folds, generator) for _ in range(cell.repetitions)], axis=1)
    answers = np.empty((2, *folds.shape), dtype=int)
    for repetition in range(cell.repetitions):
        for fold in range(cell.folds):
            test, validation, train = _rows_of(cell, folds[:, repetition], fold, generator)
            for arm, features in enumerate(arms):
                asked = np.concatenate([validation, test], axis=1)
                found = _answers(cell, features, labels, train, asked, validation.shape[1], generator)
                np.put_along_axis(answers[arm, :, repetition], test, found[:, validation.shape[1] :], 1)
    return labels, folds, answers


def _answers(
    cell: Cell,
    features: np.ndarray,
    labels: np.ndarray,
    train: np.ndarray,
    asked: np.ndarray,
    validation: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """Return what a learner trained on some rows answers of others, the first of which are for validation."""
    taught, questions = (np.take_along_axis(features, rows[..., None], 1) for rows in (train, asked))
    known, gold = (np.take_along_axis(labels, rows, 1) for rows in (train, asked))

    def answered(learner: Learner) -> np.ndarray:
        return learner(taught, known, questions, cell.classes, generator)

    if cell.learner != TUNED:
        return answered(LEARNERS[cell.learner])
    candidates = np.stack([answered(learner) for learner in LEARNERS.values()])
    right = (candidates == gold)[..., :validation].sum(axis=-1)
    return np.take_along_axis(candidates, right.argmax(axis=0)[None, :, None], axis=0)[0]


def _deal(labels: np.ndarray, folds: int, generator: np.random.Generator) -> np.ndarray:
    """Deal rows out to folds in turn, label by label, as the data layer does."""
    order = np.argsort(labels + generator.random(labels.shape), axis=1)
    dealt = np.empty_like(labels)
    np.put_along_axis(dealt, order, np.broadcast_to(np.arange(labels.shape[1]) % folds, labels.shape), 1)
    return dealt


def _rows_of(
    cell: Cell, dealt: np.ndarray, fold: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows of one fold that test, validate and train."""
    order = np.argsort(dealt != fold, axis=1, kind="stable")
    size = len(range(fold, cell.rows, cell.folds))
    test, rest = order[:, :size], order[:, size:]
    mixed, validation = generator.permuted(rest, axis=1), round(cell.validation * cell.rows)
    return test, mixed[:, :validation], mixed[:, validation:]


def shares_of(metric: str, labels: np.ndarray, answers: np.ndarray, classes: int) -> np.ndarray:
    """Return what each row adds to each repetition's pooled metric."""
    gold = np.broadcast_to(labels[:, None], answers.shape[1:])
    if metric == "accuracy":
        return (answers == gold).astype(float)
    value, change = macro_f1(np.broadcast_to(gold, answers.shape), answers, classes)
    return np.asarray(value)[..., None] + change


def judge(cell: Cell, folds: np.ndarray, shares: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return by rule the half-widths of the intervals, beside the differences under ``difference``."""
    layout = lay_out_folds([Stratum(shares[0], 1.0), Stratum(shares[1], -1.0)], _plan(cell))
    apart = shares[0] - shares[1]
    over_rows = apart.mean(axis=1).var(axis=-1, ddof=1) / cell.rows
    by_fold = np.stack(
        [np.where(folds == fold, apart, 0).sum(axis=-1) / (folds == fold).sum(axis=-1) for fold in range(cell.folds)]
    )
    runs = cell.folds * cell.repetitions
    between = np.moveaxis(by_fold, 0, -1).reshape(len(apart), -1).var(axis=1, ddof=1)
    corrected = between * (1 / runs + _plan(cell).rows_per_training_row / cell.folds)
    variances = {
        "package": (layout.variance, degrees_of_freedom(layout)),
        "rows": (over_rows, cell.rows - 1),
        "nadeau_bengio": (corrected, runs - 1),
        "wider": (np.maximum(over_rows, corrected), runs - 1),
    }
    reach = {rule: stats.t.isf(ALPHA / 2, df) * np.sqrt(variance) for rule, (variance, df) in variances.items()}
    return {rule: (layout.difference, width) for rule, width in reach.items()}


def _plan(cell: Cell) -> FoldPlan:
    trained = round(cell.rows * (1 - 1 / cell.folds - cell.validation))
    return FoldPlan(folds=cell.folds, repetitions=cell.repetitions, training_rows=trained, validation=cell.validation)


def measure(cell: Cell, replications: int, seed: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return by metric and rule: how often the interval misses the truth, and its mean half-width.

    The truth is the mean over training samples: zero for equal arms, else the mean over replications.
    """
    generator = np.random.default_rng([seed, *cell.name.encode()])
    found: dict[str, dict[str, list]] = {metric: {rule: [] for rule in RULES} for metric in METRICS}
    for _ in range(max(1, replications // AT_ONCE)):
        labels, folds, answers = simulate(cell, generator, AT_ONCE)
        for metric in METRICS:
            for rule, judged in judge(cell, folds, shares_of(metric, labels, answers, cell.classes)).items():
                found[metric][rule].append(np.stack(judged))
    return {
        metric: {rule: _rates(cell, np.concatenate(parts, axis=1)) for rule, parts in rules.items()}
        for metric, rules in found.items()
    }


def _rates(cell: Cell, judged: np.ndarray) -> dict[str, float]:
    difference, reach = judged
    truth = 0.0 if cell.second == 1.0 else float(difference.mean())
    return {
        "misses": float(np.mean(np.abs(difference - truth) > reach)),
        "half_width": float(reach.mean()),
        "found": float(np.mean(difference > reach)),
        "truth": truth,
    }


def pooled(rates: Sequence[dict[str, dict[str, dict[str, float]]]], rule: str = "package") -> dict[str, float]:
    """Return a rule's means over cells and metrics, and its worst."""
    rows = [metric[rule] for cell in rates for metric in cell.values()]
    misses = [row["misses"] for row in rows]
    return {
        "wrong": float(np.mean(misses)),
        "wrong_worst": float(np.max(misses)),
        "half_width": float(np.mean([row["half_width"] for row in rows])),
    }


def _rows(written: Sequence[dict[str, Any]], tries: int) -> Iterator[Row]:
    """Yield the package's rule in every cell, to be held to the limits of all verdicts."""
    for cell in written:
        for metric, rules in cell["rates"].items():
            rates = {"wrong_better": rules["package"]["misses"]}
            yield Row(family="folds", name=cell["name"], metric=metric, rates=rates, tries=tries)


def main() -> None:
    """Measure every cell, print a table, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    print("   ".join(f"{rule:>16}" for rule in RULES), " (% missed [half-width, points])")
    written = []
    for cell in CELLS:
        rates = measure(cell, given.replications, given.seed)
        for metric, rules in rates.items():
            shown = (f"{100 * rules[rule]['misses']:6.1f} [{100 * rules[rule]['half_width']:5.1f}]" for rule in RULES)
            print("   ".join(f"{text:>16}" for text in shown), f" {metric}: {cell.name}", flush=True)
        written.append({"cell": asdict(cell), "name": cell.name, "rates": rates})
    summaries = {rule: pooled([row["rates"] for row in written], rule) for rule in RULES}
    print(
        json.dumps({"pooled": summaries, "violations": violations(list(_rows(written, given.replications)))}, indent=2)
    )
    if given.output:
        given.output.write_text(json.dumps({"pooled": summaries, "cells": written}, indent=2) + "\n")


if __name__ == "__main__":
    main()
