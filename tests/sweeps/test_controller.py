"""The loop of a sweep: what it starts, tries again, gives up, and finds when it comes back."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from headtohead.errors import UserError
from headtohead.launching import KilledJob
from headtohead.sweeps.controller import Controller
from headtohead.sweeps.slots import run_jobs
from headtohead.sweeps.study.study import Job
from headtohead.sweeps.sweep_jobs import Jobs
from made_up_sweeps import MadeUpRuns, run, states, study_in, write_result

GRID = "train.epochs=1,2,3,4"


def by_epochs(overrides: dict[str, str]) -> dict[str, float]:
    return {"macro_f1": float(overrides["train.epochs"]) / 10}


def test_a_finished_sweep_starts_nothing(tmp_path: Path) -> None:
    assert len(run(study_in(tmp_path, GRID), by_epochs).started) == 4
    study = study_in(tmp_path, GRID)
    assert run(study, by_epochs).started == []
    assert states(study) == ["complete"] * 4
    assert [trial.value for trial in study.ranked()] == [0.4, 0.3, 0.2, 0.1]


@pytest.mark.changed_meaning("n_trials")
def test_the_number_of_trials_counts_those_of_earlier_commands(tmp_path: Path) -> None:
    given = {"sampler": "random", "params": {"train.epochs": "range(1,9)"}}
    assert len(run(study_in(tmp_path, n_trials=3, **given), by_epochs).started) == 3
    assert len(run(study_in(tmp_path, n_trials=5, **given), by_epochs).started) == 2


@pytest.mark.changed_meaning("a NaN objective")
def test_an_objective_that_is_no_number_fails_its_trial_alone(tmp_path: Path) -> None:
    study = study_in(tmp_path, GRID)
    run(study, lambda overrides: {"macro_f1": math.nan if overrides["train.epochs"] == "2" else 0.5})
    assert states(study) == ["complete", "fail", "complete", "complete"]
    assert study.trials()[1].user_attrs["reason"] in ("the objective is None", "the objective is nan")


def test_a_killed_job_is_tried_again_and_a_failing_one_is_not(tmp_path: Path) -> None:
    tries: list[str] = []

    def score(overrides: dict[str, str]) -> dict[str, float]:
        epochs = overrides["train.epochs"]
        tries.append(epochs)
        if epochs == "2":
            raise ValueError("does not work")
        if epochs == "3" or (epochs == "4" and tries.count("4") == 1):
            raise KilledJob("killed by SIGKILL")
        return by_epochs(overrides)

    study = study_in(tmp_path, GRID)
    run(study, score)
    assert tries == ["1", "2", "3", "3", "4", "4"]
    assert states(study) == ["complete", "fail", "fail", "complete"]
    reasons = [trial.user_attrs["reason"] for trial in study.trials()]
    assert reasons == ["", "ValueError: does not work", "killed by SIGKILL", ""]
    assert [trial.user_attrs.get("attempt", 1) for trial in study.trials()] == [1, 1, 2, 2]


def test_a_dead_controllers_trials_are_adopted_or_told(tmp_path: Path) -> None:
    """Two trials ran when it died: one has ended since, the other was cut off."""
    study = study_in(tmp_path, GRID)
    first, second = study.ask(), study.ask()
    write_result(first.folder, {"macro_f1": 0.9})
    study = study_in(tmp_path, GRID)
    jobs = run(study, by_epochs)
    assert [folder.name for folder in jobs.started] == ["trial_0001", "trial_0002", "trial_0003"]
    assert [trial.value for trial in study.trials()] == [0.9, 0.2, 0.3, 0.4]
    assert [trial.user_attrs.get("attempt", 1) for trial in study.trials()] == [1, 2, 1, 1]
    assert second.attempt == 1


def test_losing_the_controller_costs_no_retries(tmp_path: Path) -> None:
    for _ in range(3):
        study = study_in(tmp_path, GRID)
        study.adopt(study.trials()[0], 0) if study.trials()[0].state.name == "RUNNING" else study.ask()
    killed: list[str] = []

    def once(overrides: dict[str, str]) -> dict[str, float]:
        if not killed:
            killed.append("")
            raise KilledJob("killed by SIGKILL")
        return by_epochs(overrides)

    study = study_in(tmp_path, GRID)
    run(study, once)
    assert states(study) == ["complete"] * 4


def test_a_trial_cut_off_before_it_had_its_values_gets_them(tmp_path: Path) -> None:
    given = {"sampler": "random", "n_trials": 2}
    study = study_in(tmp_path, "train.learning_rate=interval(0.1,0.9)", **given)
    study.study.ask()
    study = study_in(tmp_path, "train.learning_rate=interval(0.1,0.9)", **given)
    run(study, lambda overrides: {"macro_f1": float(overrides["train.learning_rate"])})
    assert [trial.value for trial in study.trials()] == [
        trial.params["train.learning_rate"] for trial in study.trials()
    ]


@pytest.mark.changed_meaning("max_failure_rate")
def test_too_many_failures_end_the_sweep(tmp_path: Path) -> None:
    def never(overrides: dict[str, str]) -> dict[str, float]:
        raise ValueError("no")

    study = study_in(tmp_path, GRID, max_failure_rate=0.2, failure_window=10)
    with pytest.raises(
        UserError, match=r"3 of the latest 3 trials .*max_failure_rate=0.2 allows:\n  trial 0: ValueError: no"
    ):
        run(study, never)
    assert states(study) == ["fail"] * 3 + ["waiting"]


def test_once_the_cause_is_mended_the_same_command_goes_on(tmp_path: Path) -> None:
    """Failures of an earlier command do not count against this one, and are tried again under their numbers."""
    is_mended = False

    def score(overrides: dict[str, str]) -> dict[str, float]:
        if not is_mended:
            raise ValueError("no")
        return by_epochs(overrides)

    with pytest.raises(UserError, match="3 of the latest 3 trials"):
        run(study_in(tmp_path, GRID, max_failure_rate=0.5, failure_window=4), score)
    is_mended = True
    study = study_in(tmp_path, GRID, max_failure_rate=0.5, failure_window=4)
    run(study, score)
    assert states(study) == ["complete"] * 4
    assert [trial.user_attrs.get("attempt", 1) for trial in study.trials()] == [2, 2, 2, 1]
    assert [trial.user_attrs["reason"] for trial in study.trials()] == [""] * 4


@pytest.mark.parametrize(
    "cause",
    [
        KilledJob("killed by SIGKILL"),
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        OSError(5, "Input/output error"),
        ConnectionError("the hub cannot be reached"),
        ModuleNotFoundError("No module named 'bitsandbytes'"),
        UserError("rows.jsonl:7: no JSON"),
        RuntimeError("killed after hydra.launcher.timeout_min=1 minutes"),
    ],
)
def test_what_lies_outside_a_configuration_is_tried_again_by_the_next_command(tmp_path: Path, cause: Exception) -> None:
    def score(overrides: dict[str, str]) -> dict[str, float]:
        if is_broken and overrides["train.epochs"] == "2":
            raise cause
        return by_epochs(overrides)

    is_broken, study = True, study_in(tmp_path, GRID)
    run(study, score)
    assert states(study) == ["complete", "fail", "complete", "complete"]
    is_broken, study = False, study_in(tmp_path, GRID)
    jobs = run(study, score)
    assert [folder.name for folder in jobs.started] == ["trial_0001"]
    assert states(study) == ["complete"] * 4
    assert run(study_in(tmp_path, GRID), score).started == []


@pytest.mark.parametrize("status", ["failed", "diverged"])
def test_a_record_says_whether_a_failure_is_the_configurations(tmp_path: Path, status: str) -> None:
    def score(overrides: dict[str, str]) -> dict[str, float]:
        if overrides["train.epochs"] == "2":
            write_result(tmp_path / "trial_0001", {}, status=status)
            raise RuntimeError(status)
        return by_epochs(overrides)

    run(study_in(tmp_path, GRID), score)
    again = run(study_in(tmp_path, GRID), score).started
    assert [folder.name for folder in again] == (["trial_0001"] if status == "failed" else [])


def test_settings_that_make_no_run_are_not_tried_again(tmp_path: Path) -> None:
    def never(overrides: dict[str, str]) -> dict[str, float]:
        raise ValueError("no")

    def refused(overrides: list[str]) -> str | None:
        return "they fit nothing" if "train.epochs=3" in overrides else None

    for expected in (4, 3):
        study = study_in(tmp_path, GRID, refused=refused, max_failure_rate=1)
        jobs = MadeUpRuns(never)
        with pytest.raises(UserError, match="none completed"):
            Controller(study, jobs, lambda trial: None).run()
        assert len(jobs.started) == expected


def test_a_command_that_finds_nothing_to_do_and_nothing_completed_fails_too(tmp_path: Path) -> None:
    def diverge(overrides: dict[str, str]) -> dict[str, float]:
        write_result(tmp_path / f"trial_{int(overrides['train.epochs']) - 1:04d}", {}, status="diverged")
        raise RuntimeError("diverged")

    for _ in range(2):
        with pytest.raises(UserError, match=r"none completed:\n(  trial \d: diverged\n){3}.*change what is varied"):
            run(study_in(tmp_path, GRID, max_failure_rate=1), diverge)


def test_a_sweep_of_which_nothing_completed_has_failed(tmp_path: Path) -> None:
    def never(overrides: dict[str, str]) -> dict[str, float]:
        raise ValueError("no")

    with pytest.raises(UserError, match=r"4 of 4 trials of made-up failed, and none completed:\n  trial 1: "):
        run(study_in(tmp_path, GRID), never)


def test_trials_of_other_code_are_not_mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"completed within hydra\.sweeper\.timeout=1e-06 seconds"):
        run(study_in(tmp_path, GRID, timeout=1e-6), by_epochs)
    monkeypatch.setattr("headtohead.sweeps.study.study.code_fingerprint", lambda: "another")
    with pytest.raises(UserError, match=r"holds trials of other code \(\w+, now another\): go back to it"):
        study_in(tmp_path, GRID)
    monkeypatch.undo()
    run(study_in(tmp_path, GRID), by_epochs)
    monkeypatch.setattr("headtohead.sweeps.study.study.code_fingerprint", lambda: "another")
    study_in(tmp_path, GRID)  # nothing is missing: what stands can be shown


def test_another_base_under_the_same_name_is_refused_with_the_difference(tmp_path: Path) -> None:
    study_in(tmp_path, GRID, base={"data": {"name": "a", "seed": 0}})
    study_in(tmp_path, GRID, base={"data": {"name": "a", "seed": 0}})
    with pytest.raises(UserError, match=r"data\.seed: was 0, is 1\n"):
        study_in(tmp_path, GRID, base={"data": {"name": "a", "seed": 1}})


def test_after_the_timeout_no_trial_is_started(tmp_path: Path) -> None:
    def slow(overrides: dict[str, str]) -> dict[str, float]:
        time.sleep(0.2)
        return by_epochs(overrides)

    study = study_in(tmp_path, GRID, timeout=0.3)
    run(study, slow)
    found = states(study)  # one or two have begun, as fast as the machine is
    assert found[0] == "complete"
    assert found[2:] == ["waiting", "waiting"]
    study = study_in(tmp_path, GRID)
    assert len(run(study, slow).started) == found.count("waiting")  # the same command goes on
    assert states(study) == ["complete"] * 4


def test_another_objective_is_another_sweep(tmp_path: Path) -> None:
    study_in(tmp_path, GRID)
    with pytest.raises(UserError, match="objectives: was"):
        study_in(tmp_path, GRID, objective="metrics.validation.accuracy")


@pytest.mark.changed_meaning("n_jobs")
def test_slots_are_refilled_as_each_job_ends() -> None:
    """One slow job among quick ones: the other slot does all the quick ones meanwhile."""
    threads = ThreadPoolExecutor(2)
    order: list[int] = []

    class Sleeping(MadeUpRuns):
        def start(self, job: Job):  # type: ignore[no-untyped-def]
            return threads.submit(time.sleep, 0.3 if job.number == 0 else 0.02)

    todo = [Job(number=n, attempt=1, overrides=[], identity=[], folder=Path()) for n in range(5)]
    jobs: Jobs = Sleeping(lambda overrides: {}, slots=2)
    run_jobs(jobs, lambda: todo.pop(0) if todo else None, lambda job, error: order.append(job.number))
    assert order == [1, 2, 3, 4, 0]


def test_a_watch_hears_every_final_state_once(tmp_path: Path) -> None:
    heard: list[int] = []
    study = study_in(tmp_path, GRID)
    Controller(study, MadeUpRuns(by_epochs), lambda trial: trial and heard.append(trial.number)).run()
    assert heard == [0, 1, 2, 3]
