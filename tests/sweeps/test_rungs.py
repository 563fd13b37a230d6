"""Halving by rungs decides by what was reported, not by who was asked first."""

from __future__ import annotations

import itertools
import math
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headtohead.errors import UserError
from headtohead.sweeps.study.rungs import RungPruner
from headtohead.sweeps.sweeper_settings import build_pruner
from hydra_plugins.headtohead_sweeper.pruners import PRUNERS


def study_of(pruner: optuna.pruners.BasePruner, direction: str = "maximize") -> optuna.Study:
    return optuna.create_study(direction=direction, pruner=pruner, sampler=optuna.samplers.RandomSampler(seed=0))


def kept(pruner: Any, values: list[float], order: list[int], step: int = 10, direction: str = "maximize") -> set[int]:
    """Let trials reach a step together, ask about them in an order, and return the numbers of those that go on."""
    study = study_of(pruner, direction)
    trials = [study.ask() for _ in values]
    for trial, value in zip(trials, values, strict=True):
        trial.report(value, step)
    return {number for number in order if not trials[number].should_prune()}


VALUES = [0.3, 0.9, 0.1, 0.8, 0.5]


def test_the_order_of_questions_does_not_matter() -> None:
    found = {frozenset(kept(RungPruner(10, 2), VALUES, list(order))) for order in itertools.permutations(range(5))}
    assert found == {frozenset({1, 3, 4})}
    stock = build_pruner({**PRUNERS["successive_halving"], "reduction_factor": 2})
    assert len({frozenset(kept(stock, VALUES, list(order))) for order in itertools.permutations(range(5))}) > 1


def test_lower_can_be_better() -> None:
    assert kept(RungPruner(10, 2), VALUES, [0, 1, 2, 3, 4], direction="minimize") == {0, 2, 4}


def test_what_is_no_number_is_the_worst() -> None:
    assert kept(RungPruner(10, 2), [math.nan, 0.1], [0, 1]) == {1}
    assert kept(RungPruner(10, 2), [math.nan, 0.1], [0, 1], direction="minimize") == {1}


def test_between_rungs_nothing_is_decided() -> None:
    """Rungs are at 10, 20, 40; an evaluation at 25 is the first beyond the second one."""
    study = study_of(RungPruner(10, 2))
    good, bad = study.ask(), study.ask()
    asked = []
    for step in (5, 12, 16, 25, 30, 45):
        good.report(0.9, step)
        bad.report(0.1, step)
        asked.append((good.should_prune(), bad.should_prune()))
    assert asked == [(False, False), (False, True), (False, False), (False, True), (False, False), (False, True)]


def test_those_that_come_later_meet_those_that_were_there() -> None:
    study = study_of(RungPruner(10, 2))
    first, second, third = (study.ask() for _ in range(3))
    first.report(0.5, 10)
    assert not first.should_prune()
    second.report(0.6, 10)
    assert not second.should_prune()
    third.report(0.4, 10)
    assert third.should_prune()


@given(
    st.lists(st.floats(0, 1) | st.sampled_from([0.25, 0.5]), min_size=1, max_size=9), st.integers(2, 4), st.randoms()
)
def test_one_in_so_many_goes_on_and_their_equals(values: list[float], factor: int, draw: Any) -> None:
    order = list(range(len(values)))
    draw.shuffle(order)
    going_on = kept(RungPruner(10, factor), values, order)
    last_kept = sorted(values, reverse=True)[math.ceil(len(values) / factor) - 1]
    assert going_on == {number for number in order if values[number] >= last_kept}


def test_equals_are_not_told_apart_by_their_numbers() -> None:
    assert kept(RungPruner(10, 4), [0.5, 0.5, 0.4, 0.5, 0.4], [0, 1, 2, 3, 4]) == {0, 1, 3}


def test_numbers_that_make_no_rungs() -> None:
    with pytest.raises(UserError, match="reduction_factor 2 or more"):
        build_pruner({**PRUNERS["rungs"], "reduction_factor": 1})
