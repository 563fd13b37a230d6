"""submitit's internal API, by name: the script of a job, what errors say, where logs are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest
import submitit

from headtohead.internals.submitit_internals import (
    DelayedSubmission,
    FailedSubmissionError,
    JobPaths,
    UncompletedJobError,
    batch_script,
)


@pytest.mark.parametrize("command", ["true", "python run.py 'a b'"])
def test_batch_script_holds_the_command_and_what_is_asked(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(submitit.SlurmExecutor, "affinity", classmethod(lambda cls: 2))  # there is a cluster
    executor = submitit.AutoExecutor(tmp_path, cluster="slurm")
    executor.update_parameters(name="run", timeout_min=30, slurm_partition="gpu")
    lines = batch_script(executor, command).splitlines()
    assert lines[0].startswith("#!")
    assert {"#SBATCH --time=30", "#SBATCH --partition=gpu", "#SBATCH --job-name=run"} <= set(lines)
    assert any(line.startswith("srun") and line.endswith(command) for line in lines)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [FailedSubmissionError, UncompletedJobError])
def test_submission_errors_keep_slurm_s_words(error: type[Exception]):
    assert str(error("sbatch: invalid partition")) == "sbatch: invalid partition"


def test_job_paths_tell_a_job_s_logs_by_its_id(tmp_path: Path):
    paths = JobPaths(tmp_path, job_id="12")
    assert paths.stdout.parent == paths.stderr.parent == tmp_path
    assert (paths.stdout.name, paths.stderr.name) == ("12_0_log.out", "12_0_log.err")


def test_delayed_submission_calls_the_task_it_holds():
    assert DelayedSubmission(sum, [1, 2]).result() == 3
