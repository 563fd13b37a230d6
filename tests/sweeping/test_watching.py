"""What a person sees while a sweep runs."""

from __future__ import annotations

import io
import logging
import sys
from pathlib import Path

import pytest
from rich.console import Console

from headtohead.sweeping.controller import Controller
from headtohead.sweeping.trial_table import table_of
from headtohead.sweeping.watching import watching
from made_up_sweeps import MadeUpRuns, run, study_in, write_result


def score(overrides: dict[str, str]) -> dict[str, float]:
    if overrides["train.epochs"] == "2":
        raise ValueError("no [bold]room")
    return {"macro_f1": float(overrides["train.epochs"]) / 10}


def console_of(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, force_interactive=terminal, width=160, height=20)


def shown(console: Console) -> str:
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(("terminal", "live"), [(False, True), (True, False)])
def test_lines_where_no_table_can_stay(tmp_path: Path, terminal: bool, live: bool) -> None:
    study, console = study_in(tmp_path, "train.epochs=1,2,3"), console_of(terminal=terminal)
    with watching(study, live=live, console=console) as show:
        Controller(study, MadeUpRuns(score), show).run()
    assert shown(console).splitlines() == [
        "[1/3] trial 0: complete, macro_f1 0.1000; train.epochs=1",
        "[2/3] trial 1: fail; train.epochs=2 (ValueError: no [bold]room)",
        "[3/3] trial 2: complete, macro_f1 0.3000; train.epochs=3",
    ]


def test_a_table_on_a_terminal_keeps_up_and_logs_stay_above_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study, console = study_in(tmp_path, "train.epochs=1,2,3"), console_of(terminal=True)
    out = io.StringIO()
    for name in ("stdout", "__stdout__"):
        monkeypatch.setattr(sys, name, out)
    handler = logging.StreamHandler(out)
    logging.getLogger().addHandler(handler)
    try:
        with watching(study, live=True, console=console) as show:
            study.ask()
            show(None)
            running = shown(console)
            logging.getLogger("sweep").warning("said on the way")
            write_result(study.trial_folder(0), {"macro_f1": 0.1})
            Controller(study, MadeUpRuns(score), show).run()
    finally:
        logging.getLogger().removeHandler(handler)
    assert "running" in running
    assert "0.1000" not in running
    assert "0.3000" in shown(console)
    assert "no [bold]room" in shown(console)
    assert "said on the way" in shown(console)
    assert out.getvalue() == ""
    assert handler.stream is out


def test_a_long_table_shows_what_runs_what_leads_and_the_latest(tmp_path: Path) -> None:
    study = study_in(tmp_path, "train.epochs=range(1,40)", max_failure_rate=1)
    run(study, lambda overrides: {"macro_f1": 1 / float(overrides["train.epochs"])})
    table = table_of(study, best=[0], rows=4)
    assert list(table.columns[0].cells) == ["0", "36", "37", "38"]
    assert "35 not shown" in str(table.title)
