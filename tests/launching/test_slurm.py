"""The SLURM launcher without a cluster: what is asked for, what states mean, what a job's process does."""

from __future__ import annotations

import functools
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import submitit
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from headtohead.errors import UserError
from headtohead.hydra_io import schema  # noqa: F401 - its resolvers
from headtohead.launching import KilledJob, slurm_queue
from headtohead.launching.command import LOG, job_error
from headtohead.launching.frozen_code import FrozenCode, freeze
from headtohead.launching.job_ending import read_ending
from headtohead.launching.slurm import SlurmJobs
from headtohead.launching.slurm_queue import Entry
from headtohead.launching.slurm_submit import PATIENT_PYTHON, Note, configuration_folder, parameters, sweep_folder
from headtohead.launching.slurm_task import SlurmTask
from headtohead.provenance import SOURCES

CONF = Path(__file__).parents[2] / "conf"
PYTHON = sys.executable


@functools.cache
def composed(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", overrides=["hydra/launcher=slurm", *overrides], return_hydra_config=True)


def settings(*overrides: str) -> dict[str, Any]:
    launcher = composed("hydra.job.name=run", *overrides).hydra.launcher
    return {str(key): launcher[key] for key in launcher if key != "_target_"}


CODE = FrozenCode(script=Path("/sweep/code/1/run.py"), sources=Path("/sweep/code/a b/src"))


def test_every_key_is_one_that_submitit_knows():
    known = set(submitit.SlurmExecutor._valid_parameters())
    for name in parameters(settings(), CODE):
        assert name.removeprefix("slurm_") in known | {"timeout_min", "mem_gb", "tasks_per_node"}


def test_keys_reach_the_batch_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(submitit.SlurmExecutor, "affinity", classmethod(lambda cls: 2))
    asked = ["partition=gpu", "account=me", "mem_gb=1.5", "gpus_per_node=2", "cpus_per_task=3", "signal_delay_s=60"]
    more = ["setup=[module load cuda]", "additional_parameters={nice:10}", "exclude=n1", "timeout_min=30"]
    own = settings(*(f"hydra.launcher.{line}" for line in [*asked, *more]))
    executor = submitit.AutoExecutor(tmp_path, cluster="slurm")
    executor.update_parameters(name="run", **parameters(own, CODE))
    script = executor._executor._make_submission_file_text("true", "1")
    flags = ["partition=gpu", "account=me", "mem=1536MB", "gpus-per-node=2", "cpus-per-task=3", "signal=USR2@60"]
    for flag in [*flags, "exclude=n1", "time=30", "nice=10", "requeue", "job-name=run"]:
        assert f"#SBATCH --{flag}" in script.splitlines()
    assert "module load cuda" in script
    assert "export PYTHONPATH='/sweep/code/a b/src'${PYTHONPATH:+:$PYTHONPATH}" in script
    assert "srun --unbuffered" in script
    assert "--cpus-per-task=3" in script.split("srun")[1]


def test_without_a_cluster_there_is_one_clear_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [str(CONF.parent / "run.py")])
    config = composed("hydra.job.name=run", f"hydra.sweep.dir={tmp_path}")
    with pytest.raises(UserError, match="slurm cluster"):
        SlurmJobs(config, settings()).submit([f"hydra.sweep.dir={tmp_path}/sweep", "hydra.sweep.subdir=trial_0000"])


def test_frozen_code_is_the_code(tmp_path: Path):
    script = CONF.parent / "run.py"
    first, again = (freeze(script, CONF, tmp_path) for _ in range(2))
    assert first == again
    assert first.script.read_bytes() == script.read_bytes()
    own = {path.relative_to(SOURCES): path.read_bytes() for path in SOURCES.rglob("*.py")}
    copy = first.sources / SOURCES.name
    assert {path.relative_to(copy): path.read_bytes() for path in copy.rglob("*.py")} == own
    assert (first.sources / "headtohead" / "conf" / "config.yaml").exists()
    assert (first.sources / "hydra_plugins" / "headtohead_launchers" / "slurm.py").exists()
    assert not list(first.sources.rglob("__pycache__"))


def test_folders(tmp_path: Path):
    config = composed("hydra.job.name=run", f"hydra.sweep.dir={tmp_path}")
    assert sweep_folder(config, tmp_path / "sweep" / "arm" / "trial_0000") == tmp_path / "sweep"
    assert sweep_folder(config, tmp_path / "sweep" / "trial_0000") == tmp_path / "sweep"
    assert sweep_folder(config, tmp_path / "a_run_of_the_basic_sweeper") == tmp_path
    assert configuration_folder(config) == CONF


@pytest.mark.parametrize(
    ("state", "code", "kind", "said"),
    [
        ("COMPLETED", 0, None, ""),
        ("COMPLETED", None, None, ""),
        ("FAILED", 1, RuntimeError, "ValueError: why"),
        ("FAILED", -9, KilledJob, "killed by SIGKILL"),
        ("FAILED", None, KilledJob, "FAILED, without a word"),
        ("TIMEOUT", None, KilledJob, "signal_delay_s"),
        ("PREEMPTED", 75, KilledJob, "preempted"),
        ("NODE_FAIL", None, KilledJob, "node was lost"),
        ("OUT_OF_MEMORY", -9, RuntimeError, "hydra.launcher.mem_gb"),
        ("CANCELLED", None, RuntimeError, "scancel"),
        (None, None, KilledJob, "no longer known"),
    ],
)
def test_states_and_what_follows_from_them(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    state: str | None,
    code: int | None,
    kind: type[Exception] | None,
    said: str,
):
    from headtohead.launching.slurm import _Job

    monkeypatch.setattr(slurm_queue, "accounted", lambda number: "")
    (tmp_path / LOG).write_text("Traceback\nValueError: why\n\n")
    job = _Job(SlurmTask([], str(tmp_path)), note=Note("run-1", None, "12"))
    if code is not None:
        SlurmTask([], str(tmp_path))._note(code)
    jobs = SlurmJobs(composed("hydra.job.name=run"), settings())
    jobs._submitter = type("Submitter", (), {"log_of": lambda self, number: tmp_path / "none"})()  # type: ignore[assignment]
    error = jobs._reason(job, Entry("12", state, "None") if state else None)
    if kind is None:
        assert error is None
    else:
        assert type(error) is kind
        assert said in str(error)


def test_an_exit_status_says_who_is_to_blame(tmp_path: Path):
    log = tmp_path / LOG
    assert job_error(0, "", log) is None
    assert isinstance(job_error(75, "", log), KilledJob)
    assert isinstance(job_error(-signal.SIGTERM, "", log), KilledJob)
    assert not isinstance(job_error(1, "", log), KilledJob)


STOPPABLE = """
import pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[1])
starts = len(list(folder.glob("start_*")))
(folder / f"start_{starts}").touch()
if starts == 0:
    signal.signal(signal.SIGTERM, lambda *_: (folder.joinpath("saved").touch(), sys.exit(75)))
    time.sleep(60)
"""


@pytest.mark.slow  # waits for signals
def test_a_job_that_is_told_of_its_end_saves_and_is_started_again(tmp_path: Path):
    """submitit's local executor signals and requeues as SLURM would."""
    executor = submitit.LocalExecutor(tmp_path / "jobs", max_num_timeout=1)
    executor.update_parameters(timeout_min=0.2, signal_delay_s=7)
    job = executor.submit(SlurmTask([PYTHON, "-c", STOPPABLE, str(tmp_path)], str(tmp_path)))
    end = time.monotonic() + 60
    while not (read_ending(tmp_path) and job.done()):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert (tmp_path / "saved").exists()
    assert read_ending(tmp_path) == {"code": 0, "reason": ""}
    assert len(list(tmp_path.glob("start_*"))) == 2


LISTENS = """
import signal, sys, time
time.sleep(0.3)
signal.signal(signal.SIGUSR2, lambda *_: sys.exit(7))
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR2])
time.sleep(60)
"""


def test_a_warning_before_the_job_listens_waits_for_it():
    process = subprocess.Popen([*PATIENT_PYTHON, "-c", LISTENS])
    status, usr2 = Path(f"/proc/{process.pid}/status"), 1 << signal.SIGUSR2 - 1
    end = time.monotonic() + 30
    while not int(status.read_text().split("SigBlk:")[1].split()[0], 16) & usr2:
        assert time.monotonic() < end
    process.send_signal(signal.SIGUSR2)
    assert process.wait(30) == 7


@pytest.mark.slow
def test_exit_status_of_the_job_is_the_command_s(tmp_path: Path):
    executor = submitit.LocalExecutor(tmp_path / "jobs")
    job = executor.submit(SlurmTask(["sh", "-c", "echo no; exit 3"], str(tmp_path)))
    end = time.monotonic() + 60
    while job._process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert read_ending(tmp_path) == {"code": 3, "reason": ""}
    assert (tmp_path / LOG).read_text() == "no\n"
