"""Jobs on a real SLURM: small shell commands, to see every way in which one may end."""

from __future__ import annotations

import itertools
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from command_line import ROOT
from headtohead.errors import UserError
from headtohead.hydra_io import schema  # noqa: F401 - its resolvers
from headtohead.launching import KilledJob
from headtohead.launching.job_ending import read_ending
from headtohead.launching.slurm import SlurmJobs
from headtohead.launching.slurm_submit import read_note
from headtohead.launching.slurm_task import SlurmTask
from real_slurm import WAIT_SECONDS, ask, job_id, queued_state, remembered_state, wait_for

pytestmark = pytest.mark.slurm


@pytest.fixture
def folder(slurm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "argv", [str(ROOT / "run.py")])
    return tmp_path / "sweep"


def jobs_with(folder: Path, *overrides: str) -> SlurmJobs:
    """Return a launcher's jobs, as an instance of their own: what a new controller would have."""
    given = ["poll_seconds=1", "mem_gb=1", *overrides]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose(
            "config",
            overrides=[
                "hydra/launcher=slurm",
                "hydra.job.name=run",
                f"hydra.sweep.dir={folder.parent}",
                *(f"hydra.launcher.{line}" for line in given),
            ],
            return_hydra_config=True,
        )
    launcher = config.hydra.launcher
    return SlurmJobs(config, {str(key): launcher[key] for key in launcher if key != "_target_"})


def shell(folder: Path, name: str, script: str) -> SlurmTask:
    return SlurmTask(["sh", "-c", script], str(folder / name))


def error_of(future: Future[None]) -> BaseException | None:
    return future.exception(WAIT_SECONDS)


def test_every_job_of_an_array_has_an_end_of_its_own(folder: Path):
    jobs = jobs_with(folder)
    scripts = {
        "well": "exit 0",
        "failed": "echo not this one; exit 3",
        "killed": "kill -9 $$",
        "lost": "kill -9 $PPID; sleep 30",
    }
    futures = {name: jobs.start(shell(folder, name, script)) for name, script in scripts.items()}
    errors = {name: error_of(future) for name, future in futures.items()}
    assert errors["well"] is None
    assert type(errors["failed"]) is RuntimeError
    assert "not this one" in str(errors["failed"])
    assert isinstance(errors["killed"], KilledJob)
    assert "SIGKILL" in str(errors["killed"])
    assert isinstance(errors["lost"], KilledJob)
    notes = [read_note(folder / name) for name in scripts]
    assert [note.index for note in notes if note] == [0, 1, 2, 3]
    assert len({note.name for note in notes if note}) == 1
    assert [remembered_state(folder / name) for name in scripts] == ["COMPLETED", "FAILED", "FAILED", "FAILED"]


def test_an_array_runs_no_more_at_a_time_than_asked(folder: Path):
    jobs = jobs_with(folder, "array_parallelism=1")
    script = "date +%s%N >start; sleep 0.3; date +%s%N >end"
    futures = [jobs.start(shell(folder, f"job_{n}", f"cd {folder}/job_{n}; {script}")) for n in range(3)]
    assert [error_of(future) for future in futures] == [None] * 3
    times = sorted(tuple(int((folder / f"job_{n}" / name).read_text()) for name in ("start", "end")) for n in range(3))
    assert all(earlier[1] < later[0] for earlier, later in itertools.pairwise(times))


def test_a_new_controller_attaches_to_what_lives(folder: Path):
    task = shell(folder, "job", "sleep 4; echo once")
    first = jobs_with(folder).start(task)
    number = job_id(folder / "job")
    wait_for(lambda: queued_state(number) == "RUNNING")
    second = jobs_with(folder).start(task)
    assert error_of(first) is error_of(second) is None
    assert job_id(folder / "job") == number
    assert (folder / "job" / "job.log").read_text() == "once\n"


def test_cancelled(folder: Path):
    future = jobs_with(folder).start(shell(folder, "job", "exec sleep 60"))
    number = job_id(folder / "job")
    wait_for(lambda: queued_state(number) == "RUNNING")
    ask("scancel", number)
    error = error_of(future)
    assert not isinstance(error, KilledJob)
    assert "cancelled" in str(error)


def test_out_of_memory(folder: Path):
    """SLURM itself kills a job above its memory: its accounting looks every second (OverMemoryKill)."""
    hungry = "import time; kept = bytearray(3 * 2**30); time.sleep(60)"
    future = jobs_with(folder).start(SlurmTask([sys.executable, "-c", hungry], str(folder / "job")))
    error = error_of(future)
    assert "out of memory" in str(error)
    assert not isinstance(error, KilledJob)


SAVES = """
trap 'echo saved >>saved; exit 75' TERM
cd {folder}
[ -e saved ] && exit 0
touch started
while :; do sleep 0.1; done
"""


def test_a_real_time_limit_is_survived(folder: Path):
    """SLURM warns a job of its own accord, this side of the one minute that is the shortest limit."""
    future = jobs_with(folder, "timeout_min=1", "signal_delay_s=30").start(
        shell(folder, "job", SAVES.format(folder=folder / "job"))
    )
    assert error_of(future) is None
    assert (folder / "job" / "saved").read_text() == "saved\n"
    assert remembered_state(folder / "job") == "COMPLETED"


def test_too_many_time_outs(folder: Path):
    future = jobs_with(folder, "max_num_timeout=0", "timeout_min=5").start(
        shell(folder, "job", SAVES.format(folder=folder / "job"))
    )
    wait_for((folder / "job" / "started").exists)
    ask("scancel", "--signal=USR2", job_id(folder / "job"))
    error = error_of(future)
    assert not isinstance(error, KilledJob)
    assert "max_num_timeout" in str(error)
    ending = read_ending(folder / "job")
    assert ending
    assert ending["code"] == 75


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("partition=nope", "nvalid partition"),
        ("cpus_per_task=4096", "processors"),
        ("mem_gb=100000", "configuration is not available"),
    ],
)
def test_what_can_never_run_is_refused_before_it_is_submitted(folder: Path, override: str, said: str):
    with pytest.raises(UserError, match=said):
        jobs_with(folder, override).start(shell(folder, "job", "exit 0"))
    assert ask("squeue", "-h", "--me") == ""


def test_a_controller_that_is_down(folder: Path, slurm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    conf = tmp_path / "slurm.conf"
    lines = slurm.read_text().splitlines()
    conf.write_text("\n".join("SlurmctldPort=1" if line.startswith("SlurmctldPort") else line for line in lines))
    monkeypatch.setenv("SLURM_CONF", str(conf))
    with pytest.raises(UserError, match="contact"):
        jobs_with(folder).start(shell(folder, "job", "exit 0"))


def test_scripts_are_idempotent_and_keep_to_their_own_folder(slurm: Path, tmp_path: Path):
    here = Path(__file__).parent
    again = subprocess.run(["bash", here / "up.sh", slurm.parents[1]], capture_output=True, text=True, check=True)
    assert "already up" in again.stderr
    (tmp_path / "mine").touch()
    refused = subprocess.run(["bash", here / "up.sh", tmp_path], capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert (tmp_path / "mine").exists()
