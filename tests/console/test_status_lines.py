"""Whoever waits is told what for: by a spinner on a terminal, by lines in a log, and by nobody else's."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest

from headtohead.console import status_lines
from headtohead.console.progress import answering_bar
from headtohead.runs.phases import Phases


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines after a tenth of a second instead of three, and a log that has just heard something."""
    monkeypatch.setattr(status_lines, "FIRST_LINE", 0.1)
    monkeypatch.setattr(status_lines, "_last", time.monotonic())


def test_a_log_hears_of_what_lasts_and_of_its_end(hurried: None, capsys: pytest.CaptureFixture[str]) -> None:
    with status_lines.doing("writing the page"):
        time.sleep(0.45)
    lines = capsys.readouterr().out.splitlines()
    assert 3 <= len(lines) <= 5
    assert set(lines[:-1]) == {"writing the page ..."}  # and how long, from a second on
    assert re.fullmatch(r"writing the page: \d+ s", lines[-1])


def test_what_is_quick_is_not_told(hurried: None, capsys: pytest.CaptureFixture[str]) -> None:
    with status_lines.doing("writing the page"):
        pass
    assert capsys.readouterr().out == ""


def test_many_short_phases_are_no_more_silent_than_a_long_one(
    hurried: None, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"phase {number}" for number in range(12)]
    for name in names:
        with status_lines.doing(name):
            time.sleep(0.05)
    told = [line.removesuffix(" ...") for line in capsys.readouterr().out.splitlines()]
    assert 3 <= len(told) < len(names)
    assert told == [name for name in names if name in told]


def test_a_log_that_has_heard_nothing_yet_hears_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(status_lines, "_last", time.monotonic() - status_lines.FIRST_LINE)
    with status_lines.doing("loading"):
        time.sleep(0.2)
    with status_lines.doing("reading"):
        time.sleep(0.1)
    assert capsys.readouterr().out == "loading ...\n"


def test_one_process_of_several_tells(hurried: None, capsys: pytest.CaptureFixture[str]) -> None:
    with status_lines.doing("reading the data", is_told=False), Phases().phase("data"):
        time.sleep(0.25)
    assert capsys.readouterr().out == ""


def test_what_fails_stops_the_lines_and_comes_through(hurried: None, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError, match="full"), status_lines.doing("writing the page"):
        raise OSError("full")
    time.sleep(0.25)
    assert capsys.readouterr().out == ""


def test_a_phase_says_what_it_does_and_counts(hurried: None, capsys: pytest.CaptureFixture[str]) -> None:
    phases = Phases(is_told=True)
    with phases.phase("score test"):
        time.sleep(0.15)
    assert "scoring test ...\n" in capsys.readouterr().out
    assert phases.seconds["score test"] > 0.1


def test_lines_stand_further_apart_the_longer_it_lasts() -> None:
    """Ten minutes are told every few seconds, ten hours in no more than a log can bear."""
    at, told = 0.0, []
    while at < 36_000:
        at += status_lines._interval(at)
        told.append(at)
    assert max(b - a for a, b in zip([0.0, *told], told, strict=False) if b < 600) < 5
    assert len(told) < 1_500


def test_a_log_gets_no_control_characters() -> None:
    code = (
        "import time; from headtohead.console import status_lines; status_lines.FIRST_LINE = 0.1\n"
        "with status_lines.doing('exporting'): time.sleep(0.25)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stdout.splitlines()[0].startswith("exporting ...")


@pytest.mark.parametrize(("total", "said"), [(40, "predict new.csv: 3 of 40 rows"), (None, "predict new.csv: 3 rows")])
def test_a_log_hears_how_many_rows_are_answered(
    total: int | None, said: str, hurried: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering_bar("predict new.csv", total) as advance:
        advance(3)
        time.sleep(0.25)
    assert said in capsys.readouterr().out.splitlines()


def test_one_text_is_answered_without_a_word(hurried: None, capsys: pytest.CaptureFixture[str]) -> None:
    with answering_bar("predict text", 1):
        time.sleep(0.25)
    assert capsys.readouterr().out == ""


NOISE = "import headtohead.tasks, sys; from peft import PeftModel; assert 'bitsandbytes' in sys.modules"
FIVE_LINES = "from headtohead.export import load_pooled; import sys; assert 'bitsandbytes' in sys.modules"
NOT_NEEDED = "import headtohead.runs.run_export, headtohead.export.tfidf_export, sys; assert 'peft' not in sys.modules"


@pytest.mark.slow  # new Pythons that load PyTorch
@pytest.mark.parametrize("code", [NOISE, FIVE_LINES, NOT_NEEDED])
def test_no_library_speaks_as_it_is_imported(code: str) -> None:
    """That it would is no fault of ours: bitsandbytes misses kernels on processors that have a certain instruction."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""
