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
from headtohead.statistics.multiplicity import Rate
from made_up_arms import made_up_arm, noisy_runs

RATE = Rate(alpha=0.05)


def compared(first: Arm, second: Arm, metric: str = "accuracy", **given: object) -> Comparison:
    asked: dict = {"margin": None} | given
    return settle([compare_pair(first, second, metric, rate=RATE, **asked)], RATE)[0]


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
    one, other = made_up_arm("a", runs=4, noise=0.3, seed=1), made_up_arm("b", runs=4, noise=2.0, seed=2)
    there, back = compared(one, other, metric, margin=0.05), compared(other, one, metric, margin=0.05)
    assert there.direction == back.direction
    assert there.direction == "a"
    assert there.low is not None
    assert (there.difference, there.low) == pytest.approx((-back.difference, -back.high))
    assert there.detectable == pytest.approx(back.detectable, rel=0.1)  # drawn in another order
    for name in ("p_value", "equivalence_p", "swap_rows_p", "relabel_runs_p"):
        assert getattr(there, name) == pytest.approx(getattr(back, name), abs=0.02), name


@pytest.mark.parametrize("noise", [0.1, 8.0])
@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "cohen_kappa", "brier"])
def test_intervals_never_leave_what_the_metric_can_differ_by(metric: str, noise: float) -> None:
    """Two seeds on eight rows: once from -2.82e+132 on."""
    found = compared(*(made_up_arm(n, rows=8, runs=2, noise=noise, seed=s) for n, s in (("a", 1), ("b", 7))), metric)
    widest = {"cohen_kappa": 2.0, "brier": 2.0}.get(metric, 1.0)
    if found.low is None or found.high is None:
        return
    assert -widest <= found.low <= found.difference <= found.high <= widest


def test_intervals_of_unbounded_metrics_are_not_cut() -> None:
    found = compared(*(made_up_arm(n, rows=6, runs=2, noise=9.0, seed=s) for n, s in (("a", 1), ("b", 7))), "log_loss")
    assert found.high is not None
    assert found.high > 2


RUNS = [(2, 3, True), (2, 8, True), (5, 2, True), (2, 1, True), (2, 2, False), (3, 8, False), (1, 5, False)]


@pytest.mark.parametrize(("one", "other", "refused"), RUNS)
def test_two_runs_beside_another_number_get_an_interval_and_no_decision(one: int, other: int, refused: bool) -> None:
    """However far apart they are, and however wide the margin is."""
    arms = made_up_arm("a", rows=400, runs=one, noise=0.1), made_up_arm("b", rows=400, runs=other, noise=9.0, seed=4)
    found = compared(*arms, margin=0.9)
    assert found.low is not None
    assert found.p_value < 0.05 or one == other == 2
    assert (found.undirected is not None) == refused
    if refused:
        decided = (found.p_holm, found.direction, found.equivalent, found.detectable, found.more_runs)
        assert decided == (1.0, None, "not_shown", None, None)
    else:
        assert found.equivalent is True


def test_several_configurations_of_two_runs_show_more_luck_than_two_runs() -> None:
    base = random_predictions("single", 100, seed=5)
    three = Arm(name="a", configurations=[noisy_runs(base, 2, seed=seed) for seed in range(3)])
    assert compared(three, made_up_arm("b", rows=100, runs=5)).undirected is None
    said = compared(three, made_up_arm("b", rows=100, runs=2)).undirected
    assert said is not None
    assert said.startswith("b has two runs and a 6, and two show hardly")


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
    assert (found.difference, found.low, found.direction, found.equivalent) == (0.0, None, None, "not_shown")
    assert found.p_value == 1.0


def test_an_undefined_metric_is_refused() -> None:
    base = random_predictions("single", 30, seed=5)
    constant = np.tile(np.log([0.97, 0.01, 0.01, 0.01]), (30, 1))
    same = replace(base, gold=np.zeros(30, dtype=int), scores=constant)
    arms = [Arm(name=name, configurations=[[same]]) for name in "ab"]
    with pytest.raises(UserError, match="cohen_kappa is undefined for run 1 of arm 'a' on these rows"):
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


@settings(max_examples=8)  # statsmodels collects garbage at every call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_holm_never_decides_what_a_single_test_does_not(p_values: list[float]) -> None:
    settled = settle([replace(PAIR, p_value=value, equivalence_p=value) for value in p_values], RATE)
    for before, after in zip(p_values, settled, strict=True):
        assert after.p_holm >= before - 1e-12
        assert (after.direction is not None) == (after.p_holm <= RATE.alpha)
        assert (after.equivalent is True) == (after.p_holm <= 0.05)
        assert after.equivalent in (True, "not_shown")
    smallest = min(settled, key=lambda each: each.p_value)
    assert smallest.p_holm == pytest.approx(min(1.0, len(p_values) * smallest.p_value))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(1e-4, 0.9), min_size=2, max_size=4), st.integers(1, 4))
def test_p_decides_and_the_interval_never_says_otherwise(p_values: list[float], looks: int) -> None:
    """Standard normal differences whose p-values are given: what is decided, and only that, has an interval off zero."""
    rate = Rate(alpha=0.05, looks=looks, pairs=len(p_values))
    reach = stats.norm.isf(rate.of_pair / 2)
    pairs = []
    for p_value in p_values:
        difference = float(stats.norm.isf(p_value / 2))
        ends = {"low": difference - reach, "high": difference + reach}
        pairs.append(replace(PAIR, p_value=p_value, difference=difference, **ends))
    for pair in settle(pairs, rate):
        assert (pair.direction is not None) == (pair.p_holm <= rate.alpha)
        assert pair.low is not None
        assert (pair.direction is not None) == (pair.low >= 0)
        assert pair.p_holm >= min(1.0, looks * pair.p_value) - 1e-12


def test_equivalence_is_held_against_an_interval_at_twice_the_error_rate() -> None:
    one, other = made_up_arm("a", rows=400, noise=0.3, seed=1), made_up_arm("b", rows=400, noise=0.35, seed=2)
    wide, narrow = compared(one, other, margin=0.2), compared(one, other, margin=0.001)
    assert (wide.equivalent, narrow.equivalent) == (True, "not_shown")
    assert wide.low is not None
    assert wide.equivalence_low is not None
    assert wide.low < wide.equivalence_low < wide.difference
    reach = stats.t.isf(0.05, wide.degrees_of_freedom) * wide.standard_error
    assert wide.equivalence_low == pytest.approx(wide.difference - reach)
    just = compared(one, other, margin=abs(wide.difference) + 1.001 * reach)
    assert just.equivalent is True
    assert compared(one, other, margin=abs(wide.difference) + 0.999 * reach).equivalent == "not_shown"


@pytest.mark.parametrize(("changed", "equal"), [(0, "not_shown"), (3, "not_shown"), (9, "not_shown"), (12, True)])
def test_arms_that_few_rows_tell_apart_are_not_called_equal(changed: int, equal: object) -> None:
    """Of 600 rows so few differ that the spread seen on them may be far too small: exactly margin apart, 17 % were."""
    base = random_predictions("single", 600, seed=5)
    right = np.flatnonzero(base.predicted == base.gold)[:changed]
    scores = base.scores.copy()
    scores[right] = np.log(np.eye(4)[(base.gold[right] + 1) % 4] * 0.96 + 0.01)
    scores[right[::2]] = base.scores[right[::2]]
    wrong = np.flatnonzero(base.predicted != base.gold)[: len(right[::2])]
    scores[wrong] = np.log(np.eye(4)[base.gold[wrong]] * 0.96 + 0.01)
    arms = [Arm(name="a", configurations=[[base]]), Arm(name="b", configurations=[[replace(base, scores=scores)]])]
    for metric in ("accuracy", "macro_f1"):
        found = compared(*arms, metric, margin=0.1)
        assert (found.told_apart, found.equivalent) == (changed, equal)
    assert compared(*arms, "log_loss", margin=5.0).told_apart is None


def test_seeds_are_advised_for_the_margin_or_for_what_the_data_suggest_and_else_not_at_all() -> None:
    close = made_up_arm("a", rows=300, runs=4, noise=1.0, seed=1), made_up_arm("b", rows=300, runs=4, noise=1.0, seed=2)
    silent, asked = compared(*close), compared(*close, margin=0.01)
    assert silent.p_value > 0.3
    assert (silent.sought, silent.more_runs, silent.more_rows) == (None, None, None)
    assert asked.sought == 0.01
    assert asked.more_runs
    apart = made_up_arm("a", runs=4, noise=0.6, seed=1), made_up_arm("b", runs=4, noise=1.4, seed=2)
    found = compared(*apart)
    assert 0.05 < found.p_value < 0.3
    assert found.sought == pytest.approx(abs(found.difference))


def test_not_worse_is_one_sided() -> None:
    pair = compared(made_up_arm("a", rows=400, noise=0.3, seed=1), made_up_arm("b", rows=400, noise=0.4, seed=2))
    assert pair.difference > 0
    assert not_worse("a", pair, 0.2, 0.05)
    assert not not_worse("a", pair, 0.001, 0.05)
    assert not_worse("b", pair, 0.001 + abs(pair.low or 0), 0.05)
