"""The process that trains jobs together: at hand before the first of them, gone after the last."""

from __future__ import annotations

import subprocess
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import psutil
import pytest
from hydra.core.plugins import Plugins

from headtohead.errors import UserError
from headtohead.launching import fused
from headtohead.launching.fused import FusedJobs, Output, Worker
from hydra_plugins.headtohead_launchers.fused import FusedLauncher
from hydra_plugins.headtohead_sweeper.sweeper import OptunaSweeper
from real_slurm import wait_for


class MadeUpJobs:
    """Notes what it is asked for."""

    def __init__(self, **settings: Any) -> None:
        self.asked: list[str] = []

    def start(self) -> None:
        self.asked.append("start")

    def submit(self, config: Any, overrides: Any) -> None:
        self.asked.append("submit")

    def interrupt(self) -> None:
        self.asked.append("interrupt")


@pytest.fixture
def launcher(monkeypatch: pytest.MonkeyPatch) -> FusedLauncher:
    monkeypatch.setattr(fused, "FusedJobs", MadeUpJobs)
    launcher = FusedLauncher(trials_at_once=2)
    launcher.config = {}  # type: ignore[assignment]
    monkeypatch.setattr(Plugins, "instantiate_launcher", lambda self, *, hydra_context, task_function, config: launcher)
    return launcher


def swept(monkeypatch: pytest.MonkeyPatch, sweep: Any) -> Any:
    monkeypatch.setattr("headtohead.sweeps.sweep.sweep", sweep)
    sweeper = OptunaSweeper()
    context: Any = type("Context", (), {"config_loader": None})
    sweeper.setup(hydra_context=context, task_function=lambda config: None, config={})  # type: ignore[arg-type]
    return sweeper.sweep([])


def test_a_sweep_has_the_process_at_hand_from_its_first_check_on(
    launcher: FusedLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sweep(settings: Any, arguments: Any, given: Any, loader: Any, config: Any) -> list[str]:
        assert given is launcher
        given.submit([], 0)
        return list(given._jobs.asked)

    assert swept(monkeypatch, sweep) == ["start", "submit"]
    assert launcher._jobs.asked == ["start", "submit", "interrupt"]


def test_a_sweep_that_is_refused_ends_it(launcher: FusedLauncher, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: Any) -> None:
        raise UserError("no such key")

    with pytest.raises(UserError, match="no such key"):
        swept(monkeypatch, refuse)
    assert launcher._jobs.asked == ["start", "interrupt"]


def test_hydras_own_sweeper_has_it_started_while_jobs_are_composed(
    launcher: FusedLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher._loader = None  # type: ignore[assignment]
    monkeypatch.setattr("headtohead.launching.basic_sweep.run_jobs", lambda *given: list(launcher._jobs.asked))
    assert launcher.launch([[]], 0) == ["start"]


def test_what_is_printed_before_there_is_a_file_is_kept(tmp_path: Path) -> None:
    """More than a pipe holds: a process that nobody reads would wait."""
    code = "import sys; [print(i, file=sys.stderr) for i in range(100_000)]; print('read', flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", code + "; print('later', file=sys.stderr)"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert isinstance(process.stderr, TextIOWrapper)
    assert process.stdout
    output = Output(process.stderr)
    assert process.stdout.readline() == "read\n"
    (tmp_path / "sweep").mkdir()
    file = tmp_path / "sweep" / "worker.log"
    file.write_text("of an earlier one\n")
    output.write_to(file)
    with process:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.close()
        output.wait()
    assert file.read_text() == "".join(["of an earlier one\n", *(f"{i}\n" for i in range(100_000)), "later\n"])


@pytest.mark.slow
@pytest.mark.parametrize("is_ready", [False, True], ids=["still importing", "waiting for jobs"])
def test_a_worker_that_gets_no_job_ends_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_ready: bool
) -> None:
    monkeypatch.setattr(fused, "GRACE_SECONDS", 60.0)  # it must not have to be killed
    jobs = FusedJobs(trials_at_once=2)
    jobs.start()
    worker = jobs._worker
    assert isinstance(worker, Worker)
    jobs.start()
    assert jobs._worker is worker
    process = psutil.Process(worker._process.pid)
    assert process.is_running()
    if is_ready:
        wait_for(lambda: any("SigCgt" in line and int(line.split()[1], 16) >> 14 & 1 for line in status_of(process)))
    jobs.interrupt()
    assert worker.has_ended
    assert worker._process.returncode == (75 if is_ready else -15)
    worker.output.write_to(tmp_path / "worker.log")
    worker.output.wait()
    assert "Traceback" not in (tmp_path / "worker.log").read_text()


def status_of(process: psutil.Process) -> list[str]:
    """Return what Linux says of a process: SIGTERM is among the signals it catches once it waits for jobs."""
    return Path(f"/proc/{process.pid}/status").read_text().splitlines()
