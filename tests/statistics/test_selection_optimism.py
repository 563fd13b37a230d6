"""How configurations were chosen: the budget, its luck, and which candidate is judged."""

from __future__ import annotations

import math
from typing import Any

import pytest

from headtohead.statistics import tuning_of, value_of


def trial(number: int, value: float | None, state: str = "complete", **given: Any) -> dict[str, Any]:
    return {"number": number, "state": state, "values": None if value is None else [value], **given}


def study(trials: list[dict[str, Any]], direction: str = "maximize", **given: Any) -> dict[str, Any]:
    return {"study": "s", "directions": [direction], "trials": trials, **given}


def runs(number: int, *values: float) -> list[dict[str, Any]]:
    return [{"trial": number, "seed": 1000 + i, "folder": f"c{i}", "value": value} for i, value in enumerate(values)]


def test_the_budget_counts_every_trial_that_ended() -> None:
    spent = {"seconds": 10.0, "tokens": 100}
    trials = [trial(0, 0.5, **spent), trial(1, None, "fail", seconds=1.0), trial(2, None, "running", **spent)]
    found = tuning_of(study(trials))
    assert (found.trials, found.seconds, found.tokens) == (2, 11.0, 100)
    assert math.isnan(found.expected_best[0])
    assert found.expected_best[1] == 0.5
    assert (found.judged, found.inflation) == (None, None)


@pytest.mark.parametrize(
    ("objective", "widest"),
    [("metrics.validation.macro_f1", 1.0), ("metrics.validation.cohen_kappa", 2.0), ("cost.seconds.train", math.inf)],
)
def test_an_inflation_is_never_more_than_the_metric_can_show(objective: str, widest: float) -> None:
    """Two fresh seeds .3 apart have a t interval of 1.9 on either side."""
    confirmed = runs(0, 0.5, 0.8)
    found = tuning_of(study([trial(0, 0.7)], confirmed=confirmed, objectives=[objective])).inflation
    assert found is not None
    assert found.high == pytest.approx(min(0.05 + 12.7062 * 0.15, widest), abs=1e-3)
    assert found.low == pytest.approx(max(0.05 - 12.7062 * 0.15, -widest), abs=1e-3)


@pytest.mark.parametrize(("count", "half"), [(16, 8), (9, 4), (2, 1)])
def test_half_the_budget_is_half_of_the_trials(count: int, half: int) -> None:
    found = tuning_of(study([trial(number, float(number)) for number in range(count)]))
    assert found.expected_of_half == found.expected_best[half - 1]
    assert math.isnan(tuning_of(study([trial(0, 0.5)])).expected_of_half)


def test_a_pruned_trial_has_what_it_reported_last() -> None:
    pruned = trial(0, None, "pruned", reports={"2": 0.1, "10": 0.4})
    assert value_of(pruned, {}) == 0.4
    assert math.isnan(value_of(pruned, {"objective": ["cost.seconds.train"]}))
    assert math.isnan(value_of(trial(0, None, "pruned", reports={}), {}))


@pytest.mark.parametrize(("direction", "sign"), [("maximize", 1.0), ("minimize", -1.0)])
def test_luck_is_told_of_what_won_the_tuning(direction: str, sign: float) -> None:
    confirmed = [*runs(1, 0.6 * sign, 0.7 * sign), *runs(0, 0.5 * sign, 0.6 * sign)]
    found = tuning_of(study([trial(0, 0.9 * sign), trial(1, 0.8 * sign)], direction, confirmed=confirmed), {"c0"})
    assert [candidate.trial for candidate in found.candidates] == [0, 1]
    assert found.judged == 1
    assert found.inflation is not None
    assert found.inflation.inflation == pytest.approx(0.9 - 0.55)
