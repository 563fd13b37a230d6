"""What a person sees while a sweep runs."""

from __future__ import annotations

import io
import logging
import re
import sys
import time
from concurrent.futures import Future
from pathlib import Path

import pytest
from rich.console import Console

from headtohead.notices import Notice
from headtohead.results import read_record, write_record
from headtohead.sweeps.controller import Controller
from headtohead.sweeps.job_notices import Told
from headtohead.sweeps.live_table import watching
from headtohead.sweeps.study.study import Job
from headtohead.sweeps.study.trial_table import table_of
from headtohead.sweeps.time_left import Pace
from made_up_sweeps import MadeUpRuns, overrides_of, run, study_in, write_result


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
        "[1/3] trial 0: complete, macro_f1 0.1000; train.epochs=1; best so far",
        "[2/3] trial 1: fail; train.epochs=2; best 0.1000 (trial 0) (ValueError: no [bold]room)",
        "[3/3] trial 2: complete, macro_f1 0.3000; train.epochs=3; best so far",
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


def test_a_terminal_with_a_table_has_the_lines_too(tmp_path: Path) -> None:
    study, console = study_in(tmp_path, "train.epochs=1,2,3"), console_of(terminal=True)
    with watching(study, live=True, console=console) as show:
        Controller(study, MadeUpRuns(score), show).run()
    assert "[3/3] trial 2: complete, macro_f1 0.3000; train.epochs=3; best so far" in shown(console)


def test_notices_are_told_once_a_sweep_and_lines_say_how_long_the_rest_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def noticed(overrides: dict[str, str]) -> dict[str, float]:
        time.sleep(0.2)
        return {"macro_f1": 0.5}

    def start() -> str:
        study, console = study_in(tmp_path, "train.epochs=1,2,3,4"), console_of(terminal=False)
        told = Told(tmp_path, Pace(4, 1))
        with watching(study, live=False, told=told, console=console) as show:
            Controller(study, NoticedRuns(noticed), show).run()
        return shown(console)

    lines = start().splitlines()
    assert all(re.search(r"; about \d seconds? left$", line) for line in lines[:3])
    assert "left" not in lines[3]
    said = capsys.readouterr().out
    assert said.count("note: few rows\n    -m data.split.folds=5") == 1
    assert said.count("rows were cut") == 1  # in whatever figures: each page has its own
    assert said.count("warning: label a has") == said.count("warning: label b has") == 1
    start()
    assert capsys.readouterr().out == ""
    resumed = Told(tmp_path, Pace(1, 1))
    again = next(path for path in tmp_path.glob("**/result.json")).parent
    record = read_record(again / "result.json")
    record.notices = [Notice(text="1,234 rows were cut").as_dict(), Notice(text="7 labels have no rows").as_dict()]
    write_record(again / "result.json", record)  # of another attempt
    resumed.ended([again])
    assert capsys.readouterr().out == "warning: 7 labels have no rows\n"


class NoticedRuns(MadeUpRuns):
    """Runs that all have the same to say, some in figures of their own, and two something else."""

    def start(self, job: Job) -> Future[None]:
        future = super().start(job)
        record = read_record(job.folder / "result.json")
        epochs = overrides_of(job)["train.epochs"]
        own = [f"{epochs} rows were cut", f"label {'a' if epochs in ('1', '2') else 'b'} has {epochs} rows"]
        few = Notice(text="few rows", command="-m data.split.folds=5", leads=False)
        record.notices = [few.as_dict(), *(Notice(text=text).as_dict() for text in own)]
        write_record(job.folder / "result.json", record)
        return future


def test_a_long_table_shows_what_runs_what_leads_and_the_latest(tmp_path: Path) -> None:
    study = study_in(tmp_path, "train.epochs=range(1,40)", max_failure_rate=1)
    run(study, lambda overrides: {"macro_f1": 1 / float(overrides["train.epochs"])})
    table = table_of(study, best=[0], rows=4)
    assert list(table.columns[0].cells) == ["0", "36", "37", "38"]
    assert "35 not shown" in str(table.title)
