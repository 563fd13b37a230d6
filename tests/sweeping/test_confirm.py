"""Which configuration of a study is judged: the best by validation on fresh seeds, never by the test split."""

from __future__ import annotations

from pathlib import Path

import pytest

from headtohead.results import RunRecord, write_record
from headtohead.statistics import tuning_of
from headtohead.sweeping.confirm import champion, confirmation_jobs, winners
from headtohead.sweeping.study import SweepStudy
from headtohead.sweeping.summary import write_summary
from made_up_sweeps import study_in


def finish(folder: Path, value: float, *, test: float = 0.0) -> None:
    """Write the record of a run that has completed."""
    folder.mkdir(parents=True)
    metrics = {"test": {"macro_f1": {"value": test, "low": None, "high": None}}}
    record = RunRecord(name="run", fingerprint=folder.name, status="completed", config={}, metrics=metrics)
    record.objective = {"name": "validation/macro_f1", "value": value}
    write_record(folder / "result.json", record)


@pytest.fixture
def study(tmp_path: Path) -> SweepStudy:
    """A study with three completed trials, the second the best."""
    return finished(
        study_in(tmp_path, "data=bbc_news", params={"lora.rank": "choice(2,4,8)"}, n_trials=3), 0.7, 0.9, 0.8
    )


def finished(study: SweepStudy, *values: float) -> SweepStudy:
    for value in values:
        job = study.ask()
        finish(job.folder, value)
        study.note(job.number, tokens=100, seconds=2.0)
        study.study.tell(job.number, value)
    return study


def test_every_tuning_has_fresh_seeds_of_its_own(study: SweepStudy) -> None:
    (best,) = winners(study, 1)
    first, second = (confirmation_jobs(study, best, 2, tuning=tuning) for tuning in (1, 2))
    assert [job.folder.name for job in first] == ["confirm_0001_seed_1000", "confirm_0001_seed_1001"]
    assert [job.overrides[-4] for job in second] == ["seed=2000", "seed=2001"]


def test_the_best_of_several_on_fresh_seeds_is_judged_whatever_the_test_split_says(study: SweepStudy) -> None:
    todo = {trial.number: confirmation_jobs(study, trial, 2) for trial in winners(study, 2)}
    assert list(todo) == [1, 2]
    for number, values in ((1, (0.6, 0.7)), (2, (0.8, 0.7))):
        for job, value in zip(todo[number], values, strict=True):
            finish(job.folder, value, test=1.0 - value)
    assert champion(study, todo) == 2
    found = write_summary(study)
    assert [(run["trial"], run["seed"], run["value"]) for run in found["confirmed"]] == [
        (1, 1000, 0.6),
        (1, 1001, 0.7),
        (2, 1000, 0.8),
        (2, 1001, 0.7),
    ]
    tuning = tuning_of(found, {job.folder.name for job in todo[2]})
    assert (tuning.judged, tuning.trials, tuning.tokens, tuning.seconds) == (2, 3, 300, 6.0)
    assert tuning.inflation is not None
    assert tuning.inflation.inflation == pytest.approx(0.9 - 0.65)  # of the winner of the tuning, not of the champion


@pytest.mark.parametrize(("values", "end"), [((0.7, 0.8, 0.9), "highest"), ((0.7, 0.9, 0.8), None)])
def test_the_best_at_an_end_of_what_was_tried_is_said(
    tmp_path: Path, values: tuple[float, ...], end: str | None
) -> None:
    found = write_summary(finished(study_in(tmp_path, "lora.rank=2,4,8"), *values))
    assert found["ends_of_ranges"] == ({"lora.rank": end} if end else {})
    said = ["its best lora.rank is the highest that was tried: a wider range may hold a better one"] if end else []
    assert tuning_of(found).warnings == said


def test_ties_go_to_the_better_ranked(study: SweepStudy) -> None:
    todo = {trial.number: confirmation_jobs(study, trial, 1) for trial in winners(study, 3)}
    for jobs in todo.values():
        finish(jobs[0].folder, 0.5)
    assert champion(study, todo) == 1


def test_the_command_in_the_summary_holds_no_password(study: SweepStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "hydra.sweeper.storage=postgresql://me:secret@host:5432/studies"
    monkeypatch.setattr("sys.argv", ["/somewhere/run.py", "-m", url, "prompt.template='{text}, so:'"])
    command = write_summary(study)["command"]
    assert command.startswith("python /somewhere/run.py -m hydra.sweeper.storage=postgresql://me:***@host:5432/studies")
    assert "secret" not in (study.folder / "study.json").read_text()
