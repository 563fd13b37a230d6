"""Optuna's private API: each use against what its public API says of the same study."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from headtohead.internals import optuna_internals as internals


@pytest.fixture
def study() -> optuna.Study:
    """A study in memory."""
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))


def test_study_storage_knows_the_study_s_trials(study: optuna.Study):
    study.ask()
    storage = internals.storage_of(study)
    assert isinstance(storage, optuna.storages.BaseStorage)
    assert storage.get_all_trials(storage.get_study_id_from_name(study.study_name)) == study.trials


def test_trial_id_reopens_a_running_trial_with_what_it_has(study: optuna.Study):
    rate = study.ask().suggest_float("rate", 0, 1)
    again = internals.reopened(study, study.trials[0])
    assert again.number == 0
    assert again.params == {"rate": rate}
    again.suggest_int("layers", 1, 3)
    assert set(study.trials[0].params) == {"rate", "layers"}


@pytest.mark.parametrize(
    ("distribution", "public"),
    [
        (FloatDistribution(1e-3, 1.0, log=True), lambda trial: trial.suggest_float("x", 1e-3, 1.0, log=True)),
        (FloatDistribution(0.0, 1.0, step=0.25), lambda trial: trial.suggest_float("x", 0.0, 1.0, step=0.25)),
        (IntDistribution(2, 64, step=2), lambda trial: trial.suggest_int("x", 2, 64, step=2)),
        (CategoricalDistribution(["a", "b"]), lambda trial: trial.suggest_categorical("x", ["a", "b"])),
    ],
)
def test_private_suggest_draws_as_the_public_methods(distribution: BaseDistribution, public: Any):
    studies = [optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3)) for _ in range(2)]
    trial = studies[0].ask()
    drawn = internals.suggest(trial, "x", distribution)
    assert drawn == public(studies[1].ask())
    assert studies[0].trials[0].distributions == studies[1].trials[0].distributions
    assert internals.suggest(trial, "x", distribution) == drawn


def test_set_attribute_writes_what_the_trial_shows(study: optuna.Study):
    study.ask()
    internals.set_attribute(study, study.trials[0], "attempt", 2)
    assert study.trials[0].user_attrs == {"attempt": 2}


def test_set_constraint_writes_as_optuna_s_own_method(study: optuna.Study):
    for excess in (3.0, -1.0):
        own, public = study.ask(), study.ask()
        internals.set_constraint(study, study.trials[own.number], "cost.seconds", excess)
        public.set_constraint("cost.seconds", excess)
        one, other = study.trials[own.number], study.trials[public.number]
        assert one.constraints == other.constraints == {"cost.seconds": excess}
        assert one.system_attrs == other.system_attrs


def test_samplers_best_trial_keeps_to_a_constraint(study: optuna.Study):
    for value, excess in ((1.0, 5.0), (2.0, 0.0)):
        trial = study.ask()
        internals.set_constraint(study, study.trials[trial.number], "cost", excess)
        study.tell(trial, value)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 2
    assert study.best_trial.number == 1


@pytest.mark.parametrize(
    ("distribution", "inside", "outside"),
    [
        (FloatDistribution(0.0, 1.0), 0.5, 1.5),
        (FloatDistribution(0.0, 1.0, step=0.25), 0.75, 0.8),
        (IntDistribution(1, 9, step=2), 3, 4),
    ],
)
def test_private_contains_tells_inside_from_outside(distribution: BaseDistribution, inside: float, outside: float):
    assert internals.contains(distribution, inside)
    assert not internals.contains(distribution, outside)


def test_private_contains_refuses_an_unknown_choice():
    choices = CategoricalDistribution(["a", "b"])
    assert internals.contains(choices, "a")
    with pytest.raises(ValueError, match="c"):
        internals.contains(choices, "c")
