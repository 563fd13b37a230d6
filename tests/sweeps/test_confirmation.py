"""Which configuration of a study is judged: the best by validation on fresh seeds, never by the test split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from headtohead.results import RunRecord, read_record, write_record
from headtohead.statistics import tuning_of
from headtohead.sweeps.arms.arm_lists import ConfirmSettings
from headtohead.sweeps.arms.champions import Standing
from headtohead.sweeps.arms.confirmation import champion, confirmation_jobs, winners
from headtohead.sweeps.study.study import SweepStudy
from headtohead.sweeps.study.study_summary import write_summary
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


def standing(study: SweepStudy, top_k: int, seeds: int, tuning: int = 1, **given: bool) -> Standing:
    wanted = ConfirmSettings(seeds=seeds, top_k=top_k, **given)
    return Standing(study=study, tuning=tuning, trials=winners(study, top_k), wanted=wanted)


def test_the_best_of_several_is_judged_on_seeds_that_did_not_choose_it(study: SweepStudy) -> None:
    found = standing(study, top_k=2, seeds=2)
    assert list(found.choosing) == [1, 2]
    for number, values in ((1, (0.6, 0.7)), (2, (0.8, 0.7))):
        for job, value in zip(found.choosing[number], values, strict=True):
            assert "evaluate.test=false" in job.overrides  # what chooses never reads the test split
            finish(job.folder, value)
    assert [job.folder.name for job in found.judged] == ["confirm_0002_seed_1000", "confirm_0002_seed_1001"]
    for job, value in zip(found.judged, (0.5, 0.6), strict=True):
        assert "evaluate.test=true" in job.overrides
        finish(job.folder, value, test=0.1)
    summary = write_summary(study)
    assert [(run["trial"], run["seed"], run["value"], run["judged"]) for run in summary["confirmed"]] == [
        (1, 1500, 0.6, False),
        (1, 1501, 0.7, False),
        (2, 1500, 0.8, False),
        (2, 1501, 0.7, False),
        (2, 1000, 0.5, True),
        (2, 1001, 0.6, True),
    ]
    tuning = tuning_of(summary, {job.folder.name for job in found.judged})
    assert (tuning.judged, tuning.trials, tuning.tokens, tuning.seconds) == (2, 3, 300, 6.0)
    assert tuning.inflation is not None
    assert tuning.inflation.inflation == pytest.approx(0.9 - 0.65)  # of the winner of the tuning, not of the champion


@pytest.mark.parametrize("seeds", [1, 5, 500])
@pytest.mark.parametrize("tuning", [1, 2, 3])
def test_seeds_that_choose_and_seeds_that_are_judged_never_meet(study: SweepStudy, seeds: int, tuning: int) -> None:
    """Nor do they when more seeds are asked for later, or the next tuning has its own."""
    found = standing(study, top_k=3, seeds=seeds, tuning=tuning)
    choosing = {job.number for jobs in found.choosing.values() for job in jobs}
    judged = {job.number for job in standing(study, top_k=1, seeds=500, tuning=tuning).judged}
    assert not choosing & judged
    assert choosing | judged <= set(range(1000 * tuning, 1000 * (tuning + 1)))
    assert len(choosing) == seeds


def test_the_only_one_that_stands_is_judged_at_once(study: SweepStudy) -> None:
    found = standing(study, top_k=1, seeds=2)
    assert found.choosing == {}
    assert [job.number for job in found.judged] == [1000, 1001]


@pytest.mark.parametrize(("split_seed", "held_out"), [(None, 7), (3, 3)])
def test_fresh_samples_are_drawn_from_what_is_not_held_out(
    study: SweepStudy, split_seed: int | None, held_out: int
) -> None:
    (best,) = winners(study, 1)
    path = study.run_folders(best.number)[0] / "result.json"
    record = read_record(path)
    write_record(path, replace(record, config={"data": {"seed": 7, "split": {"seed": split_seed}}}))
    jobs = standing(study, top_k=1, seeds=2, fresh_samples=True).judged
    assert [job.folder.name for job in jobs] == ["confirm_0001_sample_1000", "confirm_0001_sample_1001"]
    for job in jobs:
        assert {f"seed={job.number}", f"data.seed={job.number}", f"data.split.seed={held_out}"} <= set(job.overrides)
    plain = standing(study, top_k=1, seeds=2).judged
    assert not {job.folder for job in jobs} & {job.folder for job in plain}  # never taken for one another


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
