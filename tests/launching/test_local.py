"""Jobs as processes of this machine: what each may use, and what ends it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from headtohead.launching import KilledJob
from headtohead.launching.leases import Lease, Leases
from headtohead.launching.local import LocalProcesses, environment

pytestmark = pytest.mark.slow  # every job is a process

SETTINGS: dict[str, Any] = {
    "cores_per_job": 1,
    "gpus_per_job": None,
    "memory_gb": None,
    "timeout_min": None,
    "stagger_seconds": 0.0,
}


def run(folder: Path, code: str, **settings: Any) -> str:
    """Run a line of Python as a job; return what it printed."""
    LocalProcesses(**{**SETTINGS, **settings})._run([sys.executable, "-c", code], folder)
    return (folder / "job.log").read_text()


def is_running(pid: int) -> bool:
    """A killed process that nobody has waited for is a zombie."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_a_job_is_tied_to_its_cores_with_as_many_threads(tmp_path: Path) -> None:
    said = run(tmp_path, "import os; print(len(os.sched_getaffinity(0)), os.environ['OMP_NUM_THREADS'])")
    assert said.split() == ["1", "1"]


def test_a_job_above_its_memory_fails_for_good(tmp_path: Path) -> None:
    code = "import time; held = bytearray(400_000_000); held[::4096] = bytes(len(held[::4096])); time.sleep(60)"
    with pytest.raises(RuntimeError, match=r"above hydra\.launcher\.memory_gb=0\.2") as ended:
        run(tmp_path, code, memory_gb=0.2)
    assert not isinstance(ended.value, KilledJob)


def test_a_job_above_its_time_fails_for_good_with_its_children(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys; "
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
        "print(child.pid, flush=True); child.wait()"
    )
    with pytest.raises(RuntimeError, match=r"hydra\.launcher\.timeout_min=0\.03") as ended:
        run(tmp_path, code, timeout_min=0.03)
    assert not isinstance(ended.value, KilledJob)
    child = int((tmp_path / "job.log").read_text().split()[0])
    until = time.monotonic() + 10
    while is_running(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_running(child)


def test_a_killed_job_is_one_and_a_failing_one_says_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(KilledJob, match="SIGKILL"):
        run(tmp_path, "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(RuntimeError, match="it does not work"):
        run(tmp_path, "raise SystemExit('it does not work')")


def test_starts_are_staggered(tmp_path: Path) -> None:
    processes = LocalProcesses(**{**SETTINGS, "stagger_seconds": 0.3})
    started = time.monotonic()
    for _ in range(3):
        processes._wait_for_turn()
    assert time.monotonic() - started >= 0.6


def test_gpus_are_lent_whole_in_part_or_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    monkeypatch.setattr("headtohead.launching.leases.visible_cores", lambda: list(range(8)))

    def lent(per_job: float | None, jobs: int) -> list[Any]:
        leases = Leases(1, per_job)
        assert leases.jobs_at_once >= jobs
        held = [leases.lease() for _ in range(jobs)]
        return [lease.__enter__().gpus for lease in held]

    assert lent(1, 2) == [("4",), ("7",)]
    assert lent(2, 1) == [("4", "7")]
    assert lent(0.5, 4) == [("4",), ("7",), ("4",), ("7",)]  # the second job has a GPU of its own
    assert lent(0, 2) == [(), ()]
    assert lent(None, 2) == [None, None]
    assert environment(Lease((0,), None))["CUDA_VISIBLE_DEVICES"] == "4,7"
    assert environment(Lease((0,), ()))["CUDA_VISIBLE_DEVICES"] == ""
    assert environment(Lease((0, 1), ("7",))) == {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": "7",
        "OMP_NUM_THREADS": "2",
        "MKL_NUM_THREADS": "2",
        "OPENBLAS_NUM_THREADS": "2",
    }
