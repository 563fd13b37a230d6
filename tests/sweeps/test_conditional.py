"""``custom_search_space``: values that exist only where another has a certain value, with every sampler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest

from headtohead.errors import UserError
from headtohead.sweeps.study.study import SweepStudy
from hydra_plugins.headtohead_sweeper.samplers import SAMPLERS
from made_up_sweeps import run, settings_of, states, study_in


def rank_where_there_are_adapters(trial: optuna.Trial) -> None:
    if trial.params["lora"] == "adapters":
        trial.suggest_categorical("lora.rank", [4, 8])
    else:
        trial.suggest_categorical("model.variant", ["base", "instruct, {text}"])


def score(overrides: dict[str, str]) -> dict[str, float]:
    return {"macro_f1": 0.5 + float(overrides.get("lora.rank", 0)) / 100}


def conditional(folder: Path, **given: Any) -> SweepStudy:
    """Open a study as ``hydra.sweeper.custom_search_space`` would."""
    given = {"custom_search_space": "somewhere.suggest", **given}
    return study_in(folder, "lora=adapters,full", suggest=rank_where_there_are_adapters, **given)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "grid"])
def test_every_sampler_walks_a_conditional_space(tmp_path: Path, name: str) -> None:
    sampler = {**SAMPLERS[name], "seed": 0}
    for key in ("n_startup_trials", "population_size"):
        if key in sampler:
            sampler[key] = 3
    study = conditional(tmp_path, sampler=sampler, n_trials=12)
    run(study, score)
    assert set(states(study)) == {"complete"}
    seen = set()
    for trial in study.trials():
        assert ("lora.rank" in trial.params) == (trial.params["lora"] == "adapters")
        assert ("model.variant" in trial.params) == (trial.params["lora"] == "full")
        assert trial.user_attrs["overrides"][0] == f"lora={trial.params['lora']}"
        seen.add(tuple(trial.user_attrs["overrides"]))
    assert ("lora=adapters", "lora.rank=8") in seen
    assert ("lora=full", 'model.variant="instruct, {text}"') in seen
    if name == "brute_force":
        assert len(study.trials()) == len(seen) == 4
        assert run(conditional(tmp_path, sampler=sampler, n_trials=12), score).started == []


def test_an_adopted_trial_keeps_its_conditional_values(tmp_path: Path) -> None:
    study = conditional(tmp_path, n_trials=3)
    asked = study.ask()
    study = conditional(tmp_path, n_trials=3)
    again = study.adopt(study.trials()[0], 0)
    assert again.overrides == asked.overrides


def test_a_grid_has_no_conditions() -> None:
    with pytest.raises(UserError, match="sampler=brute_force"):
        settings_of(sampler="grid", custom_search_space="somewhere.suggest")
    assert not settings_of(custom_search_space="somewhere.suggest").is_grid


def test_brute_force_needs_values_that_can_be_listed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is an interval"):
        study_in(tmp_path, "train.learning_rate=interval(0,1)", sampler="brute_force")
