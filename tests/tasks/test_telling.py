"""Whoever waits is told what for: by a spinner on a terminal, by lines in a log, and by nobody else's."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest

from headtohead.tasks import telling
from headtohead.tasks.phases import Phases


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines after a tenth of a second instead of four."""
    monkeypatch.setattr(telling, "FIRST_LINE", 0.1)


def test_a_log_hears_of_what_lasts_and_of_its_end(hurried: None, capsys: pytest.CaptureFixture[str]) -> None:
    with telling.doing("writing the page"):
        time.sleep(0.45)
    lines = capsys.readouterr().out.splitlines()
    assert 3 <= len(lines) <= 5
    assert all(re.fullmatch(r"writing the page \.\.\. \d+ s", line) for line in lines[:-1])
    assert re.fullmatch(r"writing the page: \d+ s", lines[-1])


def test_what_is_quick_is_not_told(hurried: None, capsys: pytest.CaptureFixture[str]) -> None:
    with telling.doing("writing the page"):
        pass
    assert capsys.readouterr().out == ""


def test_one_process_of_several_tells(hurried: None, capsys: pytest.CaptureFixture[str]) -> None:
    with telling.doing("reading the data", is_told=False), Phases().phase("data"):
        time.sleep(0.25)
    assert capsys.readouterr().out == ""


def test_what_fails_stops_the_lines_and_comes_through(hurried: None, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError, match="full"), telling.doing("writing the page"):
        raise OSError("full")
    time.sleep(0.25)
    assert capsys.readouterr().out == ""


def test_a_phase_says_what_it_does_and_counts(hurried: None, capsys: pytest.CaptureFixture[str]) -> None:
    phases = Phases(is_told=True)
    with phases.phase("score test"):
        time.sleep(0.15)
    assert "scoring test ... 0 s" in capsys.readouterr().out
    assert phases.seconds["score test"] > 0.1


def test_lines_stand_further_apart_the_longer_it_lasts() -> None:
    """Ten minutes are told every few seconds, ten hours in no more than a log can bear."""
    at, told = 0.0, []
    while at < 36_000:
        at += min(telling.LAST_INTERVAL, max(telling.FIRST_LINE, at / telling.SLOWER))
        told.append(at)
    assert max(b - a for a, b in zip([0.0, *told], told, strict=False) if b < 600) < 5
    assert len(told) < 1_500


def test_a_log_gets_no_control_characters() -> None:
    code = (
        "import time; from headtohead.tasks import telling; telling.FIRST_LINE = 0.1\n"
        "with telling.doing('exporting'): time.sleep(0.25)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stdout.splitlines()[0].startswith("exporting ... ")
