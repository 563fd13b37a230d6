"""Pruning where there are several objectives: by the one that trials report, with every pruner and sampler."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from headtohead.errors import UserError
from headtohead.sweeps.study.pruner_client import Judge, reports_of
from headtohead.sweeps.study.storage import open_storage
from headtohead.sweeps.study.study import SweepStudy
from headtohead.sweeps.study.study_summary import write_summary
from headtohead.sweeps.study.trial_link import ReportingLink, TrialLink
from headtohead.sweeps.sweeper_settings import build_pruner
from hydra_plugins.headtohead_sweeper.pruners import PRUNERS
from made_up_sweeps import run, settings_of, states, study_in, write_result

COST_FIRST = ["cost.padded_tokens", "metrics.validation.macro_f1"]
RATE = "train.learning_rate=interval(0.0,1.0)"


def link_of(study: SweepStudy, number: int, pruner: str, seed: int | None = None) -> TrialLink:
    return TrialLink(study=study.name, number=number, storage=study.storage, seed=seed, pruner=PRUNERS[pruner])


def told(link: ReportingLink, step: int, value: float) -> str | None:
    """Report as a run does, and ask."""
    link.report(step, value)
    return link.stops(step, value)


def test_the_metric_drives_whichever_objective_comes_first(tmp_path: Path) -> None:
    """The first objective is a cost, to be minimised; the worker reports the metric, to be maximised."""
    study = study_in(tmp_path, "train.epochs=1,2,3,4,5,6", objective=COST_FIRST, pruner="median")
    assert study.judge.objective == 1
    for number in range(5):
        study.ask()
        assert told(ReportingLink(link_of(study, number, "median")), 1, 0.5 + number / 100) is None
        study.tell(number, optuna.trial.TrialState.COMPLETE, [100.0 + number, 0.5])
    study.ask()
    link = ReportingLink(link_of(study, 5, "median"))
    assert told(link, 1, 0.9) is None
    assert told(link, 1, 0.1) == "MedianPruner at step 1, 0.1"
    assert told(link, 2, 0.1) is None  # the others have not reported there
    assert reports_of(study.trials()[5]) == {1: 0.1, 2: 0.1}
    assert write_summary(study)["trials"][0]["reports"] == {"1": 0.5}


@pytest.mark.slow
@pytest.mark.parametrize("name", PRUNERS)
@pytest.mark.parametrize("objectives", [["metrics.validation.macro_f1"], COST_FIRST])
def test_every_pruner_stops_what_does_badly(tmp_path: Path, name: str, objectives: list[str]) -> None:
    study = study_in(tmp_path, "train.epochs=range(0,9)", objective=objectives)
    given = dict(PRUNERS[name]) | ({"lower": 0.2} if name == "threshold" else {})
    given |= {"min_resource": 1} if "min_resource" in given else {}
    given |= {"max_resource": 9} if "max_resource" in given else {}
    stopped = []
    for number in range(9):
        study.ask()
        judge = Judge(study.name, open_storage(study.storage), build_pruner(given))
        good = number < 6
        for step in range(1, 10):
            judge.report(number, step, (0.5 + number / 100 + step / 100 if good else 0.1 - step / 1000))
            if judge.stops(number):
                stopped.append(number)
                break
        values = [1.0, 0.5 + number / 100 if good else 0.1][-len(objectives) :]
        study.tell(number, optuna.trial.TrialState.COMPLETE, values)
    assert set(stopped) & {6, 7, 8}


@pytest.mark.parametrize("sampler", ["tpe", "random", "gp", "qmc", "nsgaii"])
def test_samplers_of_several_objectives_take_pruned_trials(tmp_path: Path, sampler: str) -> None:
    """TPE fails over pruned trials of several objectives that hold reports as Optuna keeps them."""
    study = study_in(tmp_path, RATE, objective=COST_FIRST, sampler=sampler, n_trials=16, pruner="median")

    def half_are_pruned(overrides: dict[str, str]) -> dict[str, float]:
        number = max(trial.number for trial in study.trials())
        study.judge.report(number, 1, 0.5)
        if number % 2:
            write_result(study.trial_folder(number), {"macro_f1": 0.5}, status="pruned")
            raise RuntimeError("the record counts")
        return {"macro_f1": float(overrides["train.learning_rate"]), "cost.padded_tokens": 1.0}

    run(study, half_are_pruned)
    assert states(study) == ["complete", "pruned"] * 8


def test_a_pruner_judges_by_what_is_optimised(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train.metric=macro_f1.*objective=metrics.validation.log_loss is another"):
        study_in(tmp_path, "lora.rank=2,4", objective="metrics.validation.log_loss", pruner="median")
    settings = settings_of(objective="metrics.validation.log_loss", pruner="median")
    assert settings.reported_objective("log_loss") == 0


def test_runs_of_several_seeds_report_nothing_but_hear_that_they_are_closed(tmp_path: Path) -> None:
    study = study_in(tmp_path, "lora.rank=2,4", seeds=[0, 1])
    study.ask()
    link = ReportingLink(link_of(study, 0, "median", seed=1))
    assert told(link, 1, 0.5) is None
    assert study.judge.reports(0) == {}
    study.tell(0, optuna.trial.TrialState.FAIL, None)
    assert told(link, 2, 0.5) == "the sweep has closed this trial"
