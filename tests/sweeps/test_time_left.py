"""How much a sweep has to do, and how long that takes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headtohead.results import read_record, write_record
from headtohead.sweeps import time_left as pace_module
from headtohead.sweeps.space.repetitions import with_plan
from headtohead.sweeps.space.search_space import parse_space
from headtohead.sweeps.time_left import Pace, finished_runs, planned_runs, seconds_of_a_run
from made_up_sweeps import settings_of, write_result

ARMS = {"a": ["lora.rank=2"], "b": ["lora.rank=4"]}


def a_run(folder: Path, seconds: float, model: str = "tiny", status: str = "completed") -> None:
    write_result(folder, {"macro_f1": 0.5}, status=status)
    record = read_record(folder / "result.json")
    record.cost["seconds"] = {"train": seconds - 1, "evaluate": 1}
    record.config = {"model": {"name": model}, "data": {"name": "reviews"}}
    write_record(folder / "result.json", record)


@pytest.mark.parametrize(
    ("given", "runs"),
    [
        ({}, 6),
        ({"seeds": [0, 1]}, 12),
        ({"sampler": "tpe", "n_trials": 10}, 10),
        ({"arms": ARMS, "confirm": {"seeds": 5, "top_k": 2}}, 6 + 6 + 2 * (2 * 5 + 5)),
        ({"arms": ARMS, "confirm": {"seeds": 5, "top_k": 100}}, 6 + 6 + 2 * (6 * 5 + 5)),
        ({"arms": ARMS, "tunings": 3, "sampler": "random", "n_trials": 4, "confirm": {"seeds": 1, "top_k": 1}}, 24 + 6),
    ],
)
def test_all_runs_are_counted(given: dict[str, object], runs: int) -> None:
    settings = settings_of(**given)
    space = with_plan(parse_space({}, ["train.epochs=1,2,3", "loss=cross_entropy,focal"]), settings.seeds)
    assert planned_runs(settings, {arm.name: space for arm in settings.arms} or {"": space}) == runs


def test_folds_count_with_what_is_tuned_in_them() -> None:
    settings = settings_of(arms=ARMS, sampler="grid")
    tuned = with_plan(parse_space({}, ["train.epochs=1,2", "data.split.folds=5", "data.split.repeats=3"]), [])
    fixed = with_plan(parse_space({}, ["data.split.folds=5", "data.split.repeats=3"]), [])
    assert planned_runs(settings, dict.fromkeys(["a", "b"], tuned)) == 2 * 15 * (2 + 1)
    assert planned_runs(settings, dict.fromkeys(["a", "b"], fixed)) == 2 * 15
    assert planned_runs(settings_of(), {"": tuned}) == 2 * 15


def test_the_start_says_how_much_there_is_and_how_long_where_that_is_known(tmp_path: Path) -> None:
    assert Pace(10, 2).at_start(30) == "10 runs, about 2 minutes"
    assert Pace(1, 4).at_start(30) == "1 run, about 30 seconds"
    assert Pace(10, 2).at_start(None) == "10 runs; how long they take is known when the first has ended"
    assert Pace(0, 2).at_start(None) == "nothing is left to run"


def test_the_time_of_a_run_is_that_of_runs_like_it(tmp_path: Path) -> None:
    sweep = tmp_path / "sweep"
    like = {"model": "tiny", "data": "reviews"}
    assert seconds_of_a_run(sweep, tmp_path, **like) is None
    a_run(tmp_path / "other", 500, model="large")
    assert seconds_of_a_run(sweep, tmp_path, **like) is None
    for number in range(8):
        a_run(tmp_path / f"run_{number}", 100 if number < 3 else 20)
        os.utime(tmp_path / f"run_{number}" / "result.json", (number, number))
    assert seconds_of_a_run(sweep, tmp_path, **like) == 20
    a_run(sweep / "head" / "trial_0000", 7)
    a_run(sweep / "head" / "trial_0001", 90, status="failed")
    assert seconds_of_a_run(sweep, tmp_path, **like) == 7
    assert finished_runs(sweep) == 1


def test_an_estimate_is_called_one_and_asked_for_only_where_no_run_tells() -> None:
    said = Pace(10, 2).at_start(None, lambda: 30.0)
    assert said == (
        "10 runs, about 5 minutes by an estimate from model size, rows and this processor; the first to end tells better"
    )
    assert Pace(10, 2).at_start(30, lambda: pytest.fail("a run has told")) == "10 runs, about 2 minutes"
    assert Pace(10, 2).at_start(None, lambda: None) == Pace(10, 2).at_start(None)


@pytest.mark.parametrize("slots", [1, 2])
def test_what_is_loaded_once_is_not_counted_again(monkeypatch: pytest.MonkeyPatch, slots: int) -> None:
    now = 0.0
    monkeypatch.setattr(pace_module.time, "monotonic", lambda: now)
    pace = Pace(10 * slots, slots)
    for end in (60.0, 70.0, 80.0):  # the first runs take 50 s of loading and 10 s of their own, later ones 10 s
        now = end
        for _ in range(slots):
            pace.note_ended()
    assert pace.left() == "about 70 seconds left"
