"""Constraints: samplers hear of them, and what breaks one is never the best."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from headtohead.errors import UserError
from headtohead.sweeps.arms.confirmation import winners
from headtohead.sweeps.study.constraints import Limit, read_constraints
from headtohead.sweeps.study.study_summary import write_summary
from headtohead.sweeps.study.trial_table import table_of
from made_up_sweeps import run, settings_of, states, study_in

RATE = "train.learning_rate=interval(0.0,1.0)"
LIMITED = {"cost.trainable_parameters": {"max": 40}}


def dear_is_good(overrides: dict[str, str]) -> dict[str, float]:
    rate = float(overrides["train.learning_rate"])
    return {"macro_f1": rate, "cost.trainable_parameters": 100 * rate}


def test_what_breaks_a_constraint_is_never_the_best(tmp_path: Path) -> None:
    study = study_in(tmp_path, "train.learning_rate=0.1,0.3,0.9", constraints=LIMITED)
    run(study, dear_is_good)
    found = write_summary(study)
    assert states(study) == ["complete"] * 3
    assert found["best"] == [1]
    assert winners(study, 3) == [study.trials()[1], study.trials()[0]]
    assert found["counts"] == {"complete": 2, "infeasible": 1}
    assert [trial["feasible"] for trial in found["trials"]] == [True, True, False]
    assert found["trials"][2]["reason"] == "cost.trainable_parameters is 90, above 40"
    console = Console(file=io.StringIO(), width=200)
    console.print(table_of(study, [1]))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "infeasible" in shown
    assert "is 90, above 40" in shown


@pytest.mark.parametrize("objectives", [1, 2])
def test_where_nothing_keeps_to_them_there_is_no_best(tmp_path: Path, objectives: int) -> None:
    names = ["metrics.validation.macro_f1", "cost.trainable_parameters"][:objectives]
    study = study_in(tmp_path, "train.learning_rate=0.8,0.9", constraints=LIMITED, objective=names)
    run(study, dear_is_good)
    assert write_summary(study)["best"] == []


def test_the_pareto_set_keeps_to_them(tmp_path: Path) -> None:
    names = ["metrics.validation.macro_f1", "cost.trainable_parameters"]
    study = study_in(tmp_path, "train.learning_rate=0.1,0.3,0.9", constraints=LIMITED, objective=names)
    run(study, dear_is_good)
    assert sorted(write_summary(study)["best"]) == [0, 1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sampler", "given", "trials"),
    [
        ("TPESampler", {"n_startup_trials": 8}, 24),
        ("GPSampler", {"n_startup_trials": 8}, 14),
        ("NSGAIISampler", {"population_size": 6, "mutation_prob": 0.1}, 48),
    ],
)
def test_samplers_look_where_the_constraints_hold(
    tmp_path: Path, sampler: str, given: dict[str, Any], trials: int
) -> None:
    """The higher of two peaks lies where the constraint is broken."""

    def two_peaks(overrides: dict[str, str]) -> dict[str, float]:
        rate = float(overrides["train.learning_rate"])
        height = max(1 - 2 * abs(rate - 0.2), 1.5 - 2 * abs(rate - 0.8))
        return {"macro_f1": height, "cost.trainable_parameters": 100 * rate}

    own = {"_target_": f"optuna.samplers.{sampler}", "seed": 1, **given}
    study = study_in(tmp_path, RATE, sampler=own, n_trials=trials, constraints=LIMITED)
    run(study, two_peaks)
    late = study.trials()[trials // 2 :]
    assert sum(trial.params["train.learning_rate"] > 0.4 for trial in late) <= len(late) / 3


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("cost.parrots", "no run has it"),
        ("cost.trainable_params", "did you mean 'trainable_parameters'"),
        ("cost.seconds.training", "did you mean 'train'"),
        ("cost.seconds", "no run has it"),
        ("cost.parameters.trained", "no run has it"),
        ("metrics.validation.macrof1", "did you mean 'macro_f1'"),
        ("metrics.test.macro_f1", "Validation tunes, test reports"),
    ],
)
@pytest.mark.parametrize("key", ["objective", "constraints"])
def test_a_path_that_no_record_has_is_refused(path: str, said: str, key: str) -> None:
    given: Any = {"objective": path, "constraints": {path: {"max": 1}}}[key]
    with pytest.raises(UserError, match=said):
        settings_of(**{key: given})


def test_a_value_that_is_not_there_fails_the_trial(tmp_path: Path) -> None:
    study = study_in(tmp_path, "train.learning_rate=0.1,0.3", constraints={"cost.padded_tokens": {"max": 1}})
    with pytest.raises(UserError, match="none completed"):
        run(study, dear_is_good)
    assert study.trials()[0].user_attrs["reason"] == "cost.padded_tokens is None"


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_excess_and_words_agree(first: float, second: float, value: float) -> None:
    limit = Limit(path="cost.x", min=min(first, second), max=max(first, second))
    assert (limit.broken_by(value) is None) == (limit.excess(value) <= 0)


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        ({"metrics.test.accuracy": {"min": 0.5}}, "Validation tunes, test reports"),
        ({"cost.seconds.train": 60}, r"must be \{max: ...\}"),
        ({"cost.seconds.train": {"maximum": 60}}, r"must be \{max: ...\}"),
        ({"cost.seconds.train": {"max": "an hour"}}, "must be a number"),
        ({"cost.seconds.train": {"max": 1, "min": 2}}, "nothing is above"),
        ({"cost.seconds.train": {"max": None}}, "has no bound"),
    ],
)
def test_mistakes(plain: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_constraints(plain)
