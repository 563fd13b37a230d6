"""One pair: what it claims follows from what was run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from evaluation.made_up import random_predictions
from headtohead.errors import UserError
from headtohead.statistics import Arm, Comparison
from headtohead.statistics.comparison import compare_pair
from headtohead.statistics.crosscheck import mcnemar_p, relabel_runs_p, swap_rows_p
from headtohead.statistics.decision import not_worse, settle
from made_up_arms import made_up_arm, noisy_runs


def compared(first: Arm, second: Arm, metric: str = "accuracy", **given: object) -> Comparison:
    asked: dict = {"margin": None, "alpha": 0.05} | given
    return settle([compare_pair(first, second, metric, **asked)], asked["alpha"])[0]


def single(name: str, **given: object) -> Arm:
    return made_up_arm(name, runs=1, **given)


def test_one_seed_each_is_the_paired_t_test_and_tost_and_speaks_of_two_models() -> None:
    one, other = single("a", rows=200, noise=0.5, seed=1), single("b", rows=200, noise=1.5, seed=2)
    found = compared(one, other, margin=0.2)
    right = [arm.runs[0].predicted == arm.runs[0].gold for arm in (one, other)]
    known = stats.ttest_rel(right[0].astype(float), right[1].astype(float))
    assert found.scope == "runs"
    assert found.p_value == pytest.approx(known.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(known.confidence_interval()))
    tost = ttost_paired(right[0].astype(float), right[1].astype(float), -0.2, 0.2)
    assert found.equivalence_p == pytest.approx(tost[0])
    assert found.mcnemar_p is not None
    assert found.relabel_runs_p is None
    assert found.more_runs is None


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "cohen_kappa", "log_loss"])
def test_swapping_arms_flips_signs_alone(metric: str) -> None:
    one, other = made_up_arm("a", noise=0.3, seed=1), made_up_arm("b", noise=2.0, seed=2)
    there, back = compared(one, other, metric, margin=0.05), compared(other, one, metric, margin=0.05)
    assert there.direction == back.direction
    assert there.direction == ("a" if metric != "log_loss" else None)
    assert there.low is not None
    assert (there.difference, there.low) == pytest.approx((-back.difference, -back.high))
    for name in ("p_value", "equivalence_p", "detectable", "swap_rows_p", "relabel_runs_p"):
        assert getattr(there, name) == pytest.approx(getattr(back, name), abs=0.02), name


def test_scopes() -> None:
    def configurations(name: str, count: int, runs: int = 2, *, tuned: bool = True) -> Arm:
        base = random_predictions("single", 60, seed=5)
        tables = [noisy_runs(base, runs, seed=10 * i + len(name)) for i in range(count)]
        return Arm(name=name, configurations=tables, tuned=tuned, trials=16)

    assert compared(configurations("a", 3), configurations("bb", 3)).scope == "methods"
    assert compared(configurations("a", 3), configurations("bb", 2)).scope == "configurations"
    assert compared(configurations("a", 3, tuned=False), configurations("bb", 3)).scope == "configurations"
    assert compared(configurations("a", 1), configurations("bb", 1, runs=1)).scope == "runs"
    assert compared(configurations("a", 3, runs=1), configurations("bb", 3, runs=1)).scope == "methods"


def test_luck_of_tuning_counts_for_methods_alone() -> None:
    """Tunings that landed far apart: the chosen configurations differ surely, the methods do not."""
    base = random_predictions("single", 400, seed=5)
    noises = {"a": (0.2, 1.0, 2.5), "b": (0.6, 2.0, 3.0)}
    arms = [
        Arm(
            name=name,
            configurations=[
                noisy_runs(base, 4, noise=noise, seed=i + 7 * len(noises)) for i, noise in enumerate(spread)
            ],
            tuned=True,
        )
        for name, spread in noises.items()
    ]
    methods, configurations = compared(*arms), compared(*(replace(arm, tuned=False) for arm in arms))
    assert methods.difference == pytest.approx(configurations.difference)
    assert methods.standard_error > 3 * configurations.standard_error
    assert configurations.direction == "a"
    assert methods.direction is None


def test_arms_that_answer_alike_are_undecided_without_an_interval() -> None:
    one = single("a")
    found = compared(one, replace(one, name="b"), margin=0.1)
    assert (found.difference, found.low, found.direction, found.equivalent) == (0.0, None, None, False)
    assert found.p_value == 1.0


def test_an_undefined_metric_is_refused() -> None:
    base = random_predictions("single", 30, seed=5)
    constant = np.tile(np.log([0.97, 0.01, 0.01, 0.01]), (30, 1))
    same = replace(base, gold=np.zeros(30, dtype=int), scores=constant)
    arms = [Arm(name=name, configurations=[[same]]) for name in "ab"]
    with pytest.raises(UserError, match="cohen_kappa is undefined on these rows for arm 'a'"):
        compared(*arms, "cohen_kappa")


def test_rows_in_groups_count_as_groups() -> None:
    group = np.array([f"g{i // 6}" for i in range(60)], dtype=object)
    alone = compared(single("a", seed=1), single("b", seed=2))
    grouped = compared(single("a", seed=1, group=group), single("b", seed=2, group=group))
    assert grouped.difference == pytest.approx(alone.difference)
    assert (alone.degrees_of_freedom, grouped.degrees_of_freedom) == pytest.approx((59, 9))
    assert grouped.mcnemar_p is None


def test_mcnemar_counts_the_rows_that_one_alone_gets_right() -> None:
    base = random_predictions("single", 40, seed=5)
    wrong = np.flatnonzero(base.predicted != base.gold)[:7]
    scores = base.scores.copy()
    scores[wrong] = np.log(np.eye(4)[base.gold[wrong]] * 0.96 + 0.01)
    assert mcnemar_p(replace(base, scores=scores), base) == pytest.approx(2 * 0.5**7)


def test_permutations_agree_with_the_t_test_and_with_all_arrangements() -> None:
    generator = np.random.default_rng(0)
    per_row = generator.normal(0.15, 1, 300)
    assert swap_rows_p(per_row) == pytest.approx(stats.ttest_1samp(per_row, 0).pvalue, abs=0.015)
    assert swap_rows_p(-per_row) == pytest.approx(swap_rows_p(per_row))
    assert relabel_runs_p(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == pytest.approx(1 / 3)
    assert relabel_runs_p(np.arange(5.0) + 9, np.arange(5.0)) == pytest.approx(2 / 252)


PAIR = compared(single("a", seed=1), single("b", seed=2), margin=0.1)


@settings(max_examples=25)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_holm_never_decides_what_a_single_test_does_not(p_values: list[float]) -> None:
    settled = settle([replace(PAIR, p_value=value, equivalence_p=value) for value in p_values], 0.05)
    for before, after in zip(p_values, settled, strict=True):
        assert after.p_holm >= before - 1e-12
        assert (after.direction is not None) == (after.p_holm <= 0.05)
        assert after.equivalent == (after.p_holm <= 0.05)
    smallest = min(settled, key=lambda each: each.p_value)
    assert smallest.p_holm == pytest.approx(min(1.0, len(p_values) * smallest.p_value))


def test_not_worse_is_one_sided() -> None:
    pair = compared(made_up_arm("a", rows=400, noise=0.3, seed=1), made_up_arm("b", rows=400, noise=0.4, seed=2))
    assert pair.difference > 0
    assert not_worse("a", pair, 0.2, 0.05)
    assert not not_worse("a", pair, 0.001, 0.05)
    assert not_worse("b", pair, 0.001 + abs(pair.low or 0), 0.05)
