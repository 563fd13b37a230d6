"""Pairing by seed: differences of runs of one seed number, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from headtohead.errors import UserError
from headtohead.statistics import Arm, Draw, judge
from headtohead.statistics.comparison import layout_of
from headtohead.statistics.variance import Stratum, lay_out
from made_up_arms import made_up_arm


def seeded(name: str, seeds: list[int], data_seeds: list[int] | None = None, **given: object) -> Arm:
    arm = made_up_arm(name, runs=len(seeds), **given)
    return replace(
        arm, draws=[[Draw(seed=s, data_seed=d) for s, d in zip(seeds, data_seeds or [0] * len(seeds), strict=True)]]
    )


def test_it_is_the_layout_of_differences_whatever_the_order_of_the_runs() -> None:
    seeds = [3, 0, 7, 1]
    one, other = seeded("a", seeds), seeded("b", sorted(seeds))
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(4, 50)), generator.normal(size=(4, 50))
    found = layout_of((one, other), ([first], [second]), as_method=False, pairing="seeds")
    known = lay_out([Stratum(first - second[[sorted(seeds).index(seed) for seed in seeds]], 1.0)])
    assert (found.variance, found.difference) == pytest.approx((known.variance, known.difference))
    assert found.run_counts == (4,)


def test_with_the_same_rows_right_in_every_run_it_is_the_paired_t_test_over_seeds() -> None:
    """Where only seeds vary, rows alike, the crossed analysis is the paired test on their values."""
    one, other = seeded("a", [0, 1, 2, 3]), seeded("b", [0, 1, 2, 3])
    values = np.random.default_rng(1).normal(size=(2, 4))
    tables = [np.repeat(value[:, None], 30, axis=1) for value in values]
    found = layout_of((one, other), ([tables[0]], [tables[1]]), as_method=False, pairing="seeds")
    known = stats.ttest_rel(values[0], values[1])
    assert found.difference / np.sqrt(found.variance) == pytest.approx(known.statistic)


def test_luck_that_arms_share_drops_out() -> None:
    shared = np.random.default_rng(2).normal(scale=1.0, size=(5, 1))
    own = np.random.default_rng(3).normal(scale=0.1, size=(2, 5, 200))
    arms, tables = (seeded("a", [*range(5)]), seeded("b", [*range(5)])), ([shared + own[0]], [shared + own[1]])
    paired, unpaired = (layout_of(arms, tables, as_method=False, pairing=how) for how in ("seeds", "none"))
    assert paired.variance < unpaired.variance / 50
    assert paired.difference == pytest.approx(unpaired.difference)


def test_the_verdict_says_it() -> None:
    arms = [seeded("a", [0, 1, 2], noise=0.3), seeded("b", [2, 1, 0], noise=2.0)]
    found = judge(arms, pairing="seeds")
    assert (found.pairing, found.pairs[0].pairing) == ("seeds", "seeds")
    assert "Runs of the same seeds were paired, as was set beforehand" in found.sentences[0]
    plain = judge(arms)
    assert plain.pairing == "none"
    assert "paired" not in plain.sentences[0]
    assert found.pairs[0].relabel_runs_p is None  # it would exchange runs between the arms
    assert found.pairs[0].difference == pytest.approx(plain.pairs[0].difference)


@pytest.mark.parametrize(
    ("seeds", "data_seeds", "said"),
    [
        ([0, 1, 3], None, r"a has none of seed=3; b has none of seed=2|b has none of seed=2; a has none of seed=3"),
        ([0, 1], None, "b has none of seed=2"),
        ([0, 1, 2, 3, 4, 5, 6], None, r"a has none of seed=3, seed=4, seed=5 and 1 more"),
        ([0, 1, 2], [0, 0, 1], r"data\.seed=1"),
        ([0, 1, 2], [5, 5, 5], r"data\.seed=5"),
    ],
)
def test_seeds_that_do_not_match_are_refused(seeds: list[int], data_seeds: list[int] | None, said: str) -> None:
    with pytest.raises(UserError, match=said) as refused:
        judge([seeded("a", [0, 1, 2]), seeded("b", seeds, data_seeds)], pairing="seeds")
    assert "compare.pairing=none" in str(refused.value)


def test_training_samples_are_paired_by_their_means() -> None:
    grid = [(seed, sample) for sample in (0, 1, 2) for seed in (0, 1)]
    seeds, samples = [list(part) for part in zip(*grid, strict=True)]
    one, other = seeded("a", seeds, samples), seeded("b", seeds[::-1], samples[::-1])
    first, second = np.random.default_rng(4).normal(size=(2, 6, 40))
    found = layout_of((one, other), ([first], [second]), as_method=False, pairing="seeds")
    means = [table.reshape(3, 2, 40).mean(axis=1) for table in (first, second[::-1])]
    assert found.variance == pytest.approx(lay_out([Stratum(means[0] - means[1], 1.0)]).variance)


def test_tunings_are_paired_by_the_seeds_they_were_confirmed_with() -> None:
    arms = []
    for name in "ab":
        arm = made_up_arm(name, runs=2, tuned=True)
        draws = [[Draw(seed=1000 * tuning + n, data_seed=0) for n in range(2)] for tuning in (1, 2, 3)]
        arms.append(replace(arm, configurations=arm.configurations * 3, draws=draws if name == "a" else draws[::-1]))
    found = judge(arms, pairing="seeds")
    assert (found.pairs[0].scope, found.pairs[0].pairing) == ("methods", "seeds")


def test_several_configurations_of_one_seed_have_no_one_partner() -> None:
    arm = seeded("a", [0, 1])
    twice = replace(arm, configurations=[*arm.configurations, *arm.configurations], draws=[*arm.draws, *arm.draws])
    with pytest.raises(UserError, match="more than one partner"):
        judge([twice, seeded("b", [0, 1])], pairing="seeds")


def test_unknown_seeds_are_refused() -> None:
    with pytest.raises(UserError, match="the seeds of arm 'b' are unknown"):
        judge([seeded("a", [0, 1]), made_up_arm("b", runs=2)], pairing="seeds")
