"""Sweeps of real trials on a real SLURM, on tiny models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from command_line import CommandLine, write_rows
from headtohead.launching.slurm_submit import read_note
from headtohead.results import read_predictions
from real_slurm import Controller, ask, job_id, queued_state, remembered_state, wait_for

pytestmark = pytest.mark.slurm

QUIET = ["export.form=none", "evaluate.baselines=false", "evaluate.resamples=100"]
ON_SLURM = [
    "hydra/launcher=slurm",
    "hydra.launcher.poll_seconds=1",
    "hydra.launcher.mem_gb=2",
    "hydra.launcher.cpus_per_task=1",
]
HERE = ["hydra/launcher=local", "hydra.launcher.cores_per_job=1"]
"""As many threads for each job."""


def line_at(folder: Path, cache: Path) -> CommandLine:
    folder.mkdir(exist_ok=True)
    return CommandLine(folder / "outputs", cache, write_rows(folder / "rows.jsonl", count=60))


def urgent_job(script: str) -> str:
    """Submit a job that preempts every other; return its number."""
    asked = ["--parsable", "--partition=urgent", "--cpus-per-task=4", "--mem=100", "--output=/dev/null"]
    return ask("sbatch", *asked, f"--wrap={script}")


def study_of(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "study.json").read_text())["trials"]
    return found


def assert_same_results(folder: Path, other: Path) -> None:
    first, second = load_file(folder / "trained.safetensors"), load_file(other / "trained.safetensors")
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name]) for name in first)
    scores = [read_predictions(path / "predictions.parquet").scores for path in (folder, other)]
    assert np.array_equal(*scores)


def test_a_killed_controller_attaches_and_each_trial_ends_in_its_own_way(slurm: Path, cache: Path, tmp_path: Path):
    """One trial trains, one diverges, two take more memory than they have; the controller dies and comes again."""
    line = line_at(tmp_path, cache)
    given = [*QUIET, *ON_SLURM, "hydra.sweeper.n_jobs=4", "lora.rank=2,30000000", "train.learning_rate=1e-3,1e30"]
    blocker = urgent_job("sleep 600")  # so that the trials queue until both controllers have seen them
    first = Controller(line, given).start()
    wait_for(lambda: line.outputs.exists() and len(list(line.outputs.glob("*/trial_*/job.json"))) == 4)
    folders = sorted(line.folder().glob("trial_*"))
    jobs = [job_id(folder) for folder in folders]
    first.kill()
    second = Controller(line, given).start()
    wait_for(lambda: first.log.read_text().count("is still there") == 4)
    ask("scancel", blocker)
    second.finish()
    assert [job_id(folder) for folder in folders] == jobs
    assert [note.index for folder in folders if (note := read_note(folder))] == [0, 1, 2, 3]
    assert f"path: {line.folder()}/code/" in (folders[0] / ".hydra" / "hydra.yaml").read_text()
    trials = study_of(line.folder())
    assert [trial["state"] for trial in trials] == ["complete", "fail", "fail", "fail"]
    assert "diverged" in trials[1]["reason"]
    assert "out of memory" in trials[2]["reason"]
    assert "out of memory" in trials[3]["reason"]
    assert line.record(folders[0])["attempt"] == 1
    assert [remembered_state(folder) for folder in folders[:2]] == ["COMPLETED", "FAILED"]


def test_preempted_and_timed_out_in_turn_a_run_is_the_one_it_would_have_been(slurm: Path, cache: Path, tmp_path: Path):
    """SLURM preempts it for a more urgent job, then its time is up: both times it saves, is requeued and goes on."""
    long = [*QUIET, "train.epochs=30", "train.evaluate_every=10", "train.checkpoint_seconds=0", "seed=0"]
    line = line_at(tmp_path, cache)
    controller = Controller(line, [*long, *ON_SLURM, "hydra.launcher.timeout_min=30"]).start()
    wait_for(lambda: list(line.outputs.glob("*/trial_0000/checkpoint/step-*")))
    folder = line.folder() / "trial_0000"
    number = job_id(folder)
    urgent_job("sleep 1")
    wait_for(lambda: line.record(folder)["status"] == "interrupted")
    before = line.record(folder)["attempt"]
    wait_for(lambda: line.record(folder)["attempt"] == before + 1 and queued_state(number) == "RUNNING")
    ask("scancel", "--signal=USR2", number)
    controller.finish()
    assert job_id(folder) == number
    record = line.record(folder)
    assert record["status"] == "completed"
    assert record["attempt"] == 3
    assert remembered_state(folder) == "COMPLETED"
    alone = line_at(tmp_path / "alone", cache)
    alone("-m", *long, *HERE)
    assert_same_results(folder, alone.folder() / "trial_0000")


def test_a_trial_is_pruned_where_it_runs(slurm: Path, cache: Path, tmp_path: Path):
    """Its job asks the pruner in the sweep's journal, and ends well for SLURM."""
    line = line_at(tmp_path, cache)
    pruner = ["hydra/sweeper/pruner=threshold", "hydra.sweeper.pruner.lower=0.5", "hydra/sweeper/sampler=grid"]
    slow = ["train.epochs=8", "train.evaluate_every=4", "train.learning_rate=1e-5,1e-2", "hydra.sweeper.n_jobs=2"]
    Controller(line, [*QUIET, *ON_SLURM, *pruner, *slow]).start().finish()
    pruned, complete = sorted(study_of(line.folder()), key=lambda trial: trial["params"]["train.learning_rate"])
    assert [pruned["state"], complete["state"]] == ["pruned", "complete"]
    assert pruned["reason"].startswith("ThresholdPruner at step")
    assert len(pruned["reports"]) < len(complete["reports"])
    assert remembered_state(line.folder() / pruned["folder"]) == "COMPLETED"


def test_the_verdict_is_the_one_that_the_same_sweep_has_here(slurm: Path, cache: Path, tmp_path: Path):
    given = [
        *QUIET,
        "+hydra.sweeper.arms={head:['head=classification'],generative:['head=generative']}",
        "hydra.sweeper.confirm.seeds=2",
        "+hydra.sweeper.margin={macro_f1:0.02}",
        "hydra.sweeper.n_jobs=2",
        "train.learning_rate=1e-3,1e-2",
    ]
    verdicts = {}
    for name, launcher in (("slurm", ON_SLURM), ("here", HERE)):
        line = line_at(tmp_path / name, cache)
        Controller(line, [*given, *launcher]).start().finish()
        verdicts[name] = json.loads((line.folder() / "verdict.json").read_text())
    assert verdicts["slurm"]["pairs"] == verdicts["here"]["pairs"]


def test_an_element_of_an_array_is_a_pack_that_saves_and_goes_on(slurm: Path, cache: Path, tmp_path: Path):
    """Two jobs of two trials each; one is told of its end, and both of its trials go on in a second attempt."""
    line = line_at(tmp_path, cache)
    rates = "train.learning_rate=1e-4,2e-4,3e-4,4e-4"
    long = [*QUIET, "train.epochs=60", "train.evaluate_every=10", "train.checkpoint_seconds=0", rates]
    packs = ["hydra.launcher.trials_at_once=2", "hydra.sweeper.n_jobs=2", "hydra.launcher.timeout_min=30"]
    controller = Controller(line, [*long, *ON_SLURM, *packs]).start()
    # the first job is told as soon as it has what it can go on from: the second may start when the first has ended
    wait_for(lambda: all(any(line.outputs.glob(f"*/trial_000{number}/checkpoint/step-*")) for number in (0, 1)))
    folders = [line.folder() / f"trial_{number:04d}" for number in range(4)]
    ask("scancel", "--signal=USR2", job_id(folders[0]))
    jobs = [job_id(folder) for folder in folders]
    assert jobs[0] == jobs[1] != jobs[2] == jobs[3]
    controller.finish()
    assert [trial["state"] for trial in study_of(line.folder())] == ["complete"] * 4
    assert [line.record(folder)["attempt"] for folder in folders] == [2, 2, 1, 1]
    assert [job_id(folder) for folder in folders] == jobs
    assert {remembered_state(folder) for folder in folders} == {"COMPLETED"}


def test_hydras_own_sweeper_submits_one_array(slurm: Path, cache: Path, tmp_path: Path):
    line = line_at(tmp_path, cache)
    Controller(line, [*QUIET, *ON_SLURM, "hydra/sweeper=basic", "lora.rank=2,4,8"]).start().finish()
    folders = [path.parent for path in line.outputs.glob("*/result.json")]
    records = [line.record(folder) for folder in folders]
    assert sorted(record["config"]["lora"]["rank"] for record in records) == [2, 4, 8]
    assert [record["status"] for record in records] == ["completed"] * 3
    array, *others = {job_id(folder).partition("_")[0] for folder in folders}
    assert not others, "more than one array"
    assert {job_id(folder) for folder in folders} == {f"{array}_{index}" for index in range(3)}
