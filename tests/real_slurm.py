"""Asking the SLURM that tests/slurm starts, and sweeps on it, with a bound on every wait."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from command_line import CommandLine, as_main, start_child
from headtohead.launching.slurm_submit import read_note

WAIT_SECONDS = 120
"""For anything that is waited for."""


def ask(*command: str) -> str:
    """Return what a command of SLURM's prints."""
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def wait_for(what: Callable[[], object], seconds: float = WAIT_SECONDS) -> None:
    """Wait until something holds, or fail."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"not within {seconds:.0f} seconds"
        time.sleep(0.1)


def job_id(folder: Path) -> str:
    """Wait until the job of a folder was submitted; return its number."""
    wait_for(lambda: (note := read_note(folder)) and note.id)
    note = read_note(folder)
    assert note
    return note.id


def queued_state(number: str) -> str:
    """Return the state in which the queue has a job, one that has ended lately too."""
    return ask("squeue", "--noheader", "--states=all", "--format=%T", f"--jobs={number}")


def remembered_state(folder: Path) -> str:
    """Return the state that accounting remembers, once the job of a folder is over."""
    number = job_id(folder)
    found = ""

    def is_over() -> bool:
        nonlocal found
        found = ask("sacct", "--allocations", "--noheader", "--parsable2", "--format=State", f"--jobs={number}")
        return found not in ("", "PENDING", "RUNNING", "COMPLETING", "REQUEUED")

    wait_for(is_over)
    return found


@dataclass
class Controller:
    """``python run.py -m ...`` as a process that can be killed."""

    line: CommandLine
    overrides: list[str]
    pid: int = 0

    def start(self) -> Controller:
        """Start it."""
        arguments = self.line.arguments(["-m", *self.overrides], train=True)
        with self.log.open("a") as stream:
            self.pid = start_child(lambda: as_main(arguments, stream, stream))
        return self

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.line.outputs.with_name("said.txt")

    def finish(self, code: int = 0) -> str:
        """Wait for its end; return what it printed."""
        end = time.monotonic() + 2 * WAIT_SECONDS
        while (found := os.waitpid(self.pid, os.WNOHANG))[0] == 0:
            if time.monotonic() > end:
                self.kill()
                raise AssertionError("the sweep has not ended: " + self.log.read_text())
            time.sleep(0.1)
        assert os.waitstatus_to_exitcode(found[1]) == code, self.log.read_text()
        return self.log.read_text()

    def kill(self) -> None:
        """End it as ``kill -9`` does."""
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
