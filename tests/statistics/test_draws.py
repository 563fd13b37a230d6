"""What counts as one draw of luck: runs that share their training sample do not count each by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headtohead.errors import UserError
from headtohead.statistics import Arm, Draw, judge
from headtohead.statistics.comparison import layout_of
from headtohead.statistics.draws import Sampling, sampling_of, strata_of, units_of
from made_up_arms import made_up_arm


def grid(data_seeds: Sequence[int], seeds: Sequence[int]) -> list[Draw]:
    return [Draw(seed=seed, data_seed=data_seed, rows=24, drawn_from=400) for data_seed in data_seeds for seed in seeds]


def counts(*draws: list[Draw], as_method: bool = False) -> list[int]:
    return [len(stratum) for stratum in units_of(draws, as_method=as_method)]


@pytest.mark.parametrize(
    ("draws", "units"),
    [
        ([grid([0, 1, 2], [0, 1, 2])], [3]),  # nine runs of three training samples
        ([grid([0], range(5))], [5]),  # one sample: its luck is in none of them
        ([grid([4], [0])], [1]),
        ([[Draw(seed=n, data_seed=n) for n in range(6)]], [6]),  # a sample for every seed
        ([[*grid([0], range(8)), *grid([1], [0])]], [2]),  # unequal numbers: two samples all the same
        ([[*grid([0, 1], [0, 1]), Draw(seed=0, data_seed=2)]], [3]),
        ([grid([0], [0, 1, 2]), grid([0], [0, 1, 2])], [3, 3]),  # two configurations on one sample
        ([grid([0, 1, 2], [0]), grid([0, 1, 2], [0])], [3]),  # two configurations on the same three
        ([grid([0, 1], [0, 1]), grid([2, 3], [0, 1])], [2, 2]),  # each on its own
        (
            [[Draw(seed=n, data_seed=n, sample="all") for n in range(4)]],
            [4],
        ),  # every row is used: other seeds, one sample
        ([[Draw(seed=n, data_seed=n, sample=str(n // 2)) for n in range(6)]], [3]),
    ],
)
def test_runs_of_one_training_sample_count_once(draws: list[list[Draw]], units: list[int]) -> None:
    assert counts(*draws) == units


def test_of_a_method_the_tunings_count() -> None:
    assert counts(grid([0, 1], [0, 1]), grid([2], [0, 1]), grid([3], [0]), as_method=True) == [3]


def with_draws(arm: Arm, draws: list[Draw], **given: object) -> Arm:
    return replace(arm, draws=[draws], **given)


def test_a_grid_is_judged_by_the_means_of_its_training_samples() -> None:
    """Nine runs, three by three: the layout is that of three averaged runs, to the last bit but rounding."""
    one, other = made_up_arm("a", runs=9, noise=0.4, seed=1), made_up_arm("b", runs=9, noise=1.5, seed=2)
    draws = grid([0, 1, 2], [0, 1, 2])
    generator = np.random.default_rng(0)
    tables = [generator.normal(size=(9, 60)) for _ in range(2)]
    arms = with_draws(one, draws), with_draws(other, draws)
    found = layout_of(arms, ([tables[0]], [tables[1]]), as_method=False, pairing="none")
    means = tuple([table.reshape(3, 3, 60).mean(axis=1)] for table in tables)
    three = [with_draws(made_up_arm(name, runs=3), [Draw(seed=0, data_seed=n) for n in range(3)]) for name in "ab"]
    known = layout_of((three[0], three[1]), (means[0], means[1]), as_method=False, pairing="none")
    assert found.variance == pytest.approx(known.variance)
    assert found.run_counts == (3, 3)
    assert found.difference == pytest.approx(tables[0].mean() - tables[1].mean())


def test_exchangeable_runs_are_narrower_than_the_samples_they_come_from() -> None:
    """What nine runs taken for nine draws claim is what was 15 % wrong."""
    shift = np.repeat([0.3, 0.0, -0.3], 3)[:, None]
    generator = np.random.default_rng(1)
    table = shift + generator.normal(scale=0.1, size=(9, 200))
    arm = made_up_arm("a", runs=9)
    nine = layout_of((arm, arm), ([table], [table[::-1]]), as_method=False, pairing="none")
    arm = with_draws(arm, grid([0, 1, 2], [0, 1, 2]))
    three = layout_of((arm, arm), ([table], [table[::-1]]), as_method=False, pairing="none")
    assert three.variance > 2 * nine.variance


@given(st.lists(st.integers(1, 5), min_size=2, max_size=6), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_every_sample_weighs_the_same_however_many_runs_it_has(sizes: list[int], seed: int) -> None:
    draws = [Draw(seed=run, data_seed=sample) for sample, size in enumerate(sizes) for run in range(size)]
    table = np.random.default_rng(seed).normal(size=(len(draws), 7))
    order = np.random.default_rng(seed + 1).permutation(len(draws))
    (stratum,) = strata_of(units_of([draws], as_method=False), [table], 1.0)
    (shuffled,) = strata_of(units_of([[draws[i] for i in order]], as_method=False), [table[order]], 1.0)
    means = [table[[draw.data_seed == sample for draw in draws]].mean(axis=0) for sample in range(len(sizes))]
    if len(draws) > len(sizes):
        assert stratum.shares == pytest.approx(np.stack(means))
    assert stratum.shares.mean(axis=0) == pytest.approx(shuffled.shares.mean(axis=0))
    assert sorted(stratum.shares.mean(axis=1)) == pytest.approx(sorted(shuffled.shares.mean(axis=1)))


def test_batches_are_laid_out_as_their_parts() -> None:
    table = np.random.default_rng(0).normal(size=(5, 9, 20))
    units = units_of([grid([0, 1, 2], [0, 1, 2])], as_method=False)
    (whole,) = strata_of(units, [table], 1.0)
    for number in range(5):
        (alone,) = strata_of(units, [table[number]], 1.0)
        assert whole.shares[number] == pytest.approx(alone.shares)


def test_the_verdict_holds_the_facts_and_its_values_agree_with_its_difference() -> None:
    draws = [*grid([0], range(4)), *grid([1, 2], [0])]
    arms = [with_draws(made_up_arm(name, runs=6, noise=noise), draws) for name, noise in (("a", 0.5), ("b", 2.0))]
    found = judge(arms, metric="accuracy")
    assert [arm.draws for arm in found.arms] == [3, 3]
    assert found.arms[0].sampling == Sampling(
        samples=3, rows=24, drawn_from=400, luck_in_interval=True, varied=("seed", "data.seed")
    )
    assert found.pairs[0].difference == pytest.approx(
        found.arms[0].values["accuracy"] - found.arms[1].values["accuracy"]
    )
    assert found.as_dict()["arms"][0]["sampling"]["samples"] == 3


@pytest.mark.parametrize(
    ("draws", "as_method", "shown"),
    [
        ([grid([0], [0, 1, 2])], False, False),
        ([grid([0, 1], [0, 1])], False, True),
        ([grid([0, 1], [0]), grid([0, 1], [0])], False, True),
        ([grid([0], [0, 1]), grid([1], [0, 1])], False, False),  # one sample for each configuration
        ([grid([0, 1], [0]), grid([0, 1], [0]), grid([0, 1], [0])], True, False),  # tunings share their samples
        ([grid([0, 1], [0]), grid([2, 3], [0]), grid([4, 5], [0])], True, True),
        ([[Draw(seed=n, data_seed=n, sample="all") for n in range(3)]], False, False),
    ],
)
def test_the_luck_of_samples_is_in_the_interval_where_every_draw_has_its_own(
    draws: list[list[Draw]], as_method: bool, shown: bool
) -> None:
    found = sampling_of(draws, as_method=as_method)
    assert found is not None
    assert found.luck_in_interval is shown


def test_configurations_that_share_some_samples_are_refused() -> None:
    arm = made_up_arm("a", runs=2)
    both = replace(arm, configurations=arm.configurations * 2, draws=[grid([0, 1], [0]), grid([1, 2], [0])])
    with pytest.raises(UserError, match=r"configuration 1 of 2 .* not on data\.seed=2"):
        judge([both, made_up_arm("b", runs=2)])


def test_two_training_samples_beside_more_decide_nothing_and_say_so() -> None:
    two = with_draws(made_up_arm("a", runs=6, noise=0.1), grid([0, 1], [0, 1, 2]))
    many = with_draws(made_up_arm("b", runs=5, noise=4.0, seed=3), grid(range(5), [0]))
    (pair,) = judge([two, many], metric="accuracy").pairs
    assert pair.direction is None
    assert pair.undirected is not None
    assert pair.undirected.startswith("a has two training samples and b 5")
