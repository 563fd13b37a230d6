"""Cross-validated arms: variances against their formula, pooled tables, and verdicts that never mix folds with splits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluation.made_up import random_predictions
from headtohead.errors import UserError
from headtohead.evaluation.metric_table import METRICS
from headtohead.results import pooled
from headtohead.statistics import Arm, Draw, FoldPlan, estimates_of, judge
from headtohead.statistics.folds import lay_out_folds
from headtohead.statistics.variance import Stratum, degrees_of_freedom, lay_out
from made_up_arms import made_up_arm, noisy_runs


def strata(repetitions: int, units: int = 40) -> tuple[Stratum, Stratum]:
    generator = np.random.default_rng(repetitions)
    first, second = generator.random((2, repetitions, units))
    return Stratum(first, 1.0), Stratum(second, -1.0)


def plan_of(folds: int) -> FoldPlan:
    return FoldPlan(folds=folds, repetitions=3, training_rows=42)


def cross_validated(name: str, *, repetitions: int = 3, folds: int = 5, noise: float = 1.0, seed: int = 0) -> Arm:
    tables = noisy_runs(random_predictions("single", 60, seed=5), repetitions, noise=noise, seed=seed)
    plan = FoldPlan(folds=folds, repetitions=repetitions, training_rows=42)
    return Arm(name=name, configurations=[[table] for table in tables], plan=plan)


@pytest.mark.parametrize(("repetitions", "folds"), [(1, 5), (3, 5), (1, 10), (4, 2)])
def test_the_variance_is_that_of_rows_times_what_folds_share(repetitions: int, folds: int) -> None:
    first, second = strata(repetitions)
    layout = lay_out_folds([first, second], plan_of(folds))
    apart = first.shares - second.shares
    of_one = np.mean([np.var(row, ddof=1) / len(row) for row in apart])
    assert layout.variance == pytest.approx(of_one * (1 / repetitions + 1 / (1 - 1 / folds - 0.1)))
    assert layout.difference == pytest.approx(apart.mean())
    assert degrees_of_freedom(layout) == pytest.approx(39)


def test_repetitions_narrow_what_they_repeat_and_never_the_sample() -> None:
    first, _ = strata(1)
    widths = [
        float(lay_out_folds([replace(first, shares=np.repeat(first.shares, count, axis=0))], plan_of(5)).variance)
        for count in (1, 2, 50, 1000)
    ]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] > 1.2 * float(first.shares.var(ddof=1) / 40)


def test_pooled_folds_come_in_one_order_whatever_the_folds() -> None:
    whole = random_predictions("single", 60, seed=1)
    order = np.random.default_rng(0).permutation(60)
    one = pooled([whole.select(order[part::5]) for part in range(5)])
    other = pooled([whole.select(part) for part in np.array_split(np.arange(60), 3)])
    assert one.row_id.tolist() == other.row_id.tolist() == sorted(whole.row_id.tolist())
    assert (one.scores == other.scores).all()


def test_an_estimate_is_the_pooled_metric_within_what_it_can_be() -> None:
    arm = cross_validated("a", noise=0.01)
    found = estimates_of(arm)
    accuracy = np.mean([np.mean(run.predicted == run.gold) for run in arm.runs])
    assert found["accuracy"].value == pytest.approx(accuracy)
    assert 0 <= found["macro_f1"].low < found["macro_f1"].value < found["macro_f1"].high <= 1
    alone = estimates_of(replace(arm, plan=None, configurations=[arm.runs]))
    assert found["accuracy"].high - found["accuracy"].low > alone["accuracy"].high - alone["accuracy"].low


def test_a_verdict_by_folds_counts_trainings_and_says_what_it_is_about() -> None:
    verdict = judge([cross_validated("a", noise=0.1), cross_validated("b", noise=6.0, seed=1)], metric="accuracy")
    assert [arm.runs for arm in verdict.arms] == [15, 15]
    (pair,) = verdict.pairs
    assert pair.scope == "folds"
    assert (pair.more_runs, pair.relabel_runs_p, pair.mcnemar_p) == (None, None, None)
    assert "training in these ways on about 42 rows of this kind, not of one trained model" in verdict.sentences[0]
    assert "5 folds, 3 times over" in verdict.sentences[0]
    assert pair.direction == "a"


def test_a_verdict_by_folds_is_wider_than_that_of_as_many_seeds() -> None:
    arms = [cross_validated(name, seed=seed) for seed, name in enumerate("ab")]
    seeds = [replace(arm, plan=None, configurations=[arm.runs]) for arm in arms]
    by_folds, by_seeds = (judge(each, metric="accuracy").pairs[0] for each in (arms, seeds))
    assert by_folds.difference == pytest.approx(by_seeds.difference)
    assert by_folds.standard_error > float(np.sqrt(lay_out([Stratum(np.ones((2, 9)), 1.0)]).variance))
    assert by_folds.standard_error > by_seeds.standard_error


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"folds": 10}, r"'a' \(cross-validated, 5 folds x 3\) and 'b' \(cross-validated, 10 folds x 3\)"),
        ({"repetitions": 2}, "5 folds x 2"),
    ],
)
def test_arms_of_other_folds_are_refused(other: dict[str, int], said: str) -> None:
    with pytest.raises(UserError, match=said):
        judge([cross_validated("a"), cross_validated("b", **other)])


def test_folds_and_one_split_are_not_compared() -> None:
    split = replace(cross_validated("b"), plan=None)
    with pytest.raises(UserError, match=r"one split.*give all arms the same data.split.folds, repeats"):
        judge([cross_validated("a"), split])


@pytest.mark.parametrize("seed", [1, 2])
def test_the_interval_of_a_mean_is_cut_to_what_its_metric_can_be(seed: int) -> None:
    """A Brier score may be 2: cut at 1, an interval would not hold its own value."""
    found = estimates_of(made_up_arm("a", rows=12, runs=2, noise=30.0, seed=seed))
    assert found["brier"].value > 1
    for metric, estimate in found.items():
        least, most = METRICS[metric].low, METRICS[metric].high
        assert least <= estimate.low <= estimate.value <= estimate.high <= most, metric


def test_nothing_that_varies_is_no_evidence_of_certainty() -> None:
    rows = random_predictions("single", 40, seed=1)
    right = replace(rows, scores=np.log(np.eye(len(rows.labels))[rows.gold] * 0.97 + 0.01))
    found = estimates_of(Arm(name="a", configurations=[[right, right, right]]))["accuracy"]
    assert (found.value, found.low, found.high) == (1.0, None, None)


def test_samples_count_once_in_the_interval_of_a_grid() -> None:
    runs = made_up_arm("a", rows=60, runs=9, noise=3.0, seed=2).runs
    draws = [Draw(seed=number % 3, data_seed=number // 3) for number in range(9)]
    by_run = estimates_of(Arm(name="a", configurations=[runs]))["accuracy"]
    by_sample = estimates_of(Arm(name="a", configurations=[runs], draws=[draws]))["accuracy"]
    assert by_run.value == pytest.approx(by_sample.value)
    means = [estimates_of(Arm(name="a", configurations=[runs[at : at + 3]]))["accuracy"].value for at in (0, 3, 6)]
    assert by_sample.value == pytest.approx(np.mean(means))
    assert by_sample != by_run


def test_rows_of_one_group_are_refused() -> None:
    rows = random_predictions("single", 20, seed=1)
    one = replace(rows, group=np.zeros_like(rows.group))
    with pytest.raises(UserError, match="all of one group"):
        judge([Arm(name=name, configurations=[[one]]) for name in "ab"])
