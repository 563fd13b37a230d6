"""What an export that is killed leaves behind: nothing that runs, and nothing outside the run's folder."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from command_line import start_child
from headtohead import atomic
from headtohead.export import parity
from headtohead.results import run_folder

ASK = parity.ask_fresh_process


def until(holds: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


def processes_over(folder: Path) -> list[psutil.Process]:
    """Return the processes that were told of a folder."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in part for part in process.info["cmdline"] or []) and process.status() != "zombie"
    ]


@pytest.mark.slow  # a fresh process
def test_a_killed_export_leaves_no_process_and_no_text_outside_the_runs_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, elsewhere = tmp_path / "run", tmp_path / "tmp"
    elsewhere.mkdir()
    monkeypatch.setenv("TMPDIR", str(elsewhere))
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    (run / ".model.1-ab.tmp").mkdir(parents=True)
    export = start_child(lambda: ASK({"folder": str(run / ".model.1-ab.tmp"), "texts": ["private"]}))
    assert until(lambda: len(processes_over(run)) > 0, 20)  # it imports for seconds
    os.kill(export, signal.SIGKILL)
    os.waitpid(export, 0)
    assert until(lambda: not processes_over(run), 20)
    assert list(elsewhere.iterdir()) == []
    assert any("private" in path.read_text() for path in run.rglob("request.json"))
    with run_folder.claim(run):
        assert {path.name for path in run.iterdir()} == {".lock"}


def test_the_next_command_settles_what_was_left(tmp_path: Path) -> None:
    (tmp_path / "evaluate").mkdir()
    for left in (
        ".gate.7-aa.tmp",
        ".model.7-bb.tmp",
        "evaluate/.predictions.parquet.7-cc.tmp",
        ".result.json.7-dd.tmp",
    ):
        (tmp_path / left).mkdir()
    (tmp_path / "mine.tmp").mkdir()
    with run_folder.claim(tmp_path):
        left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert left == {".lock", "evaluate", "mine.tmp"}


def test_a_scratch_folder_goes_whatever_happens(tmp_path: Path) -> None:
    def fail() -> None:
        with atomic.scratch(tmp_path / "gate") as scratch:
            assert scratch.is_dir()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(tmp_path.iterdir()) == []
