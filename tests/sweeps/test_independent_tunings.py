"""Repeated tunings of an arm are independent: other sampler seeds, other training seeds, names of their own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import OmegaConf

from headtohead.errors import UserError
from headtohead.sweeps.arms.independent_tunings import tunings_of
from headtohead.sweeps.space.search_space import parse_space
from headtohead.sweeps.study.importance import importances_of
from headtohead.sweeps.sweeper_settings import Settings, build_sampler
from made_up_sweeps import settings_of

RANDOM = {"_target_": "optuna.samplers.RandomSampler", "seed": 7}


def tunings(settings: Settings, *arguments: str) -> list[Any]:
    space = parse_space({"train.learning_rate": "interval(0.1,1)"}, list(arguments))
    return list(tunings_of(settings, "head", space, "sweep", Path("out"), OmegaConf.create({"seed": 3})))


def test_a_single_tuning_is_the_arms_own_study() -> None:
    settings = settings_of(sampler=RANDOM)
    ((name, folder, space, own),) = tunings(settings)
    assert (name, folder) == ("sweep/head", Path("out/head"))
    assert own is settings
    assert space.fixed == []


def test_several_draw_and_train_apart() -> None:
    found = tunings(settings_of(sampler=RANDOM, tunings=3))
    assert [name for name, *_ in found] == [f"sweep/head/tuning_{number}" for number in (1, 2, 3)]
    assert [folder for _, folder, *_ in found] == [Path(f"out/head/tuning_{number}") for number in (1, 2, 3)]
    assert [space.fixed for _, _, space, _ in found] == [["seed=3"], ["seed=4"], ["seed=5"]]
    drawn = [
        optuna.create_study(sampler=build_sampler(settings, earlier)).ask(space.distributions).params
        for _, _, space, settings in found
        for earlier in (0, 1, 2)
    ]
    assert len({str(params) for params in drawn}) == 9


def test_a_seed_that_was_given_stays() -> None:
    given = settings_of(sampler=RANDOM, tunings=2)
    assert [space.fixed for _, _, space, _ in tunings(given, "seed=11")] == [["seed=11"], ["seed=11"]]
    with pytest.raises(UserError, match="are the same trials"):
        tunings(settings_of(tunings=2), "seed=11")
    with pytest.raises(UserError, match="tunings must be 1 or more"):
        settings_of(tunings=0)


def test_importances_find_what_matters_or_say_why_not() -> None:
    def objective(trial: optuna.Trial) -> float:
        return trial.suggest_float("matters", 0, 1) + 0.01 * trial.suggest_float("hardly", 0, 1)

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    study.optimize(objective, n_trials=4)
    assert importances_of(study)["reason"].startswith("4 trials have completed")
    study.optimize(objective, n_trials=16)
    found = importances_of(study)
    assert found["reason"] is None
    assert found["values"]["matters"] > 0.8
    flat = optuna.create_study()
    flat.optimize(lambda trial: 0.0 * trial.suggest_float("x", 0, 1), n_trials=8)
    assert "every trial has the same value" in importances_of(flat)["reason"]


@pytest.mark.parametrize(
    "choices", [[1e-4 * 2**place for place in range(24)], [f"name_{place}" for place in range(24)]]
)
def test_importances_of_long_lists_take_no_longer_than_of_short_ones(choices: list[Any]):
    study = optuna.create_study(direction="maximize")
    study.sampler = optuna.samplers.RandomSampler(seed=0)
    study.optimize(
        lambda trial: (
            choices.index(trial.suggest_categorical("listed", choices)) + 0.1 * trial.suggest_float("noise", 0, 1)
        ),
        n_trials=40,
    )
    started = time.perf_counter()
    found = importances_of(study)["values"]
    assert time.perf_counter() - started < 10  # Optuna alone walks through 2^24 subsets
    assert found["listed"] > 0.9
