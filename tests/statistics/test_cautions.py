"""What a verdict says of its rows: small labels, few groups, metrics that cannot be compared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evaluation.made_up import random_predictions
from headtohead.errors import UserError
from headtohead.labels import LabelKind
from headtohead.results import Predictions
from headtohead.statistics import Arm, Verdict, judge
from headtohead.statistics.verdicts.cautions import few_groups, smallest_label
from made_up_arms import made_up_arm, noisy_runs


def with_rare_label(kind: LabelKind, rare: int, rows: int = 60) -> Predictions:
    """Return rows of which gold holds labels 0, 1 and, so many times, 2; never 3."""
    base = random_predictions(kind, rows, seed=5)
    if kind == "multi":
        gold = np.zeros((rows, 4), dtype=int)
        gold[np.arange(rows), np.arange(rows) % 2] = 1
        gold[:rare, 2] = 1
    else:
        gold = np.arange(rows) % 2
        gold[:rare] = 2
    return replace(base, gold=gold)


def judged(base: Predictions, metric: str | None = "macro_f1", runs: int = 4) -> Verdict:
    return judge(
        [Arm(name=name, configurations=[noisy_runs(base, runs, seed=seed)]) for seed, name in enumerate("ab")],
        metric=metric,
    )


@pytest.mark.parametrize("kind", ["single", "ordinal", "multi"])
@pytest.mark.parametrize("rare", [1, 4, 12])
def test_the_smallest_label_stands_beside_macro_f1(kind: LabelKind, rare: int) -> None:
    base = with_rare_label(kind, rare)
    found = smallest_label(base)
    assert found is not None
    assert (found.name, found.rows) == ("label 2", rare)
    verdict = judged(base)
    assert verdict.as_dict()["smallest_label"] == {"name": "label 2", "rows": rare}
    (said,) = [sentence for sentence in verdict.sentences[1:] if "label 2" in sentence]
    assert ("the interval sees no doubt about them" in said) == (rare < 10)
    assert not any("label 2" in sentence for sentence in judged(base, "log_loss").sentences)


def test_scores_and_rows_without_any_label_have_no_smallest_label() -> None:
    assert smallest_label(random_predictions("real")) is None
    empty = random_predictions("multi")
    assert smallest_label(replace(empty, gold=np.zeros_like(empty.gold))) is None


@pytest.mark.parametrize(("groups", "said"), [(6, True), (14, True), (15, False), (60, False)])
def test_few_groups_are_said(groups: int, said: bool) -> None:
    base = replace(
        random_predictions("single", 60, seed=5),
        group=np.array([f"g{row % groups}" for row in range(60)], dtype=object),
    )
    assert any(f"come in {groups} groups" in sentence for sentence in judged(base).sentences) == said


def test_a_dozen_rows_are_no_groups() -> None:
    assert few_groups(12, 12) is None


def test_a_metric_that_some_run_lacks_is_named_with_the_run() -> None:
    base = random_predictions("single", 40, seed=5)
    constant = replace(base, gold=np.zeros(40, dtype=int), scores=np.tile(np.log([0.97, 0.01, 0.01, 0.01]), (40, 1)))
    varied = [replace(run, gold=constant.gold) for run in noisy_runs(base, 3)]
    arms = [
        Arm(name="a", configurations=[varied]),
        Arm(name="b", configurations=[[varied[1], constant, varied[2]]]),
    ]
    found = judge(arms, metric="accuracy")
    assert "cohen_kappa" not in found.secondary
    assert "cohen_kappa is not compared: it is undefined for run 2 of arm 'b' on these rows." in found.sentences
    with pytest.raises(UserError, match="cohen_kappa is undefined for run 2 of arm 'b'"):
        judge(arms, metric="kappa")


def test_probabilities_that_some_run_lacks_are_named_with_the_run() -> None:
    numbers = random_predictions("ordinal", 60, seed=5)
    scores = replace(numbers, is_expected_score=True, scores=numbers.expected_score[:, None])
    arms = [
        Arm(name="a", configurations=[noisy_runs(numbers, 3)]),
        Arm(name="b", configurations=[[*noisy_runs(numbers, 1, seed=4), *noisy_runs(scores, 2, noise=0.1)]]),
    ]
    found = judge(arms)
    assert "log_loss" not in found.secondary
    assert "log_loss is not compared: run 2 of arm 'b' stored no probabilities." in found.sentences


@pytest.mark.parametrize(("groups", "decided"), [(6, False), (9, False), (10, True), (60, True)])
def test_on_fewer_than_ten_groups_nothing_is_decided(groups: int, decided: bool) -> None:
    """However far apart arms are, and however wide the margin is: an interval, and the reason."""
    rows: dict[str, Any] = {
        "rows": 120,
        "runs": 4,
        "group": np.array([f"g{row % groups}" for row in range(120)], dtype=object),
    }
    arms = [made_up_arm("a", noise=0.1, **rows), made_up_arm("b", noise=9.0, seed=4, **rows)]
    (pair,) = judge(arms, metric="accuracy", margin={"accuracy": 0.99}).pairs
    assert pair.low is not None
    assert pair.p_value < 0.01
    assert (pair.direction, pair.equivalent) == (("a", True) if decided else (None, "not_shown"))
    assert (pair.undirected is not None and f"come in {groups} groups" in pair.undirected) != decided
