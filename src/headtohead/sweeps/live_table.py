"""What a person sees of a sweep while it runs: a table that keeps itself up to date, or a line for every trial."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from optuna.trial import FrozenTrial
from rich.console import Console
from rich.live import Live

from headtohead.sweeps.controller import Watch
from headtohead.sweeps.job_notices import Told
from headtohead.sweeps.study.study import SweepStudy
from headtohead.sweeps.study.study_summary import best_trials
from headtohead.sweeps.study.trial_table import line_of, table_of

ROOM_AROUND = 6
"""Lines of the terminal that a table needs besides its rows."""


@contextmanager
def watching(
    study: SweepStudy, *, live: bool, told: Told | None = None, console: Console | None = None
) -> Iterator[Watch]:
    """Show a study as it runs; yields what is to be told of its trials.

    Every trial leaves a line when it ends.

    Args:
        study: to show.
        live: jobs leave the terminal alone, so that a table can stay on it, below the lines.
        told: what the runs of the sweep have said.
        console: to show it on; a terminal that nobody looks at, such as a file, gets the lines alone.
    """
    console = console or Console()
    say = partial(_say, console, study, told)
    if not (live and console.is_interactive):
        yield say
        return
    with Live(console=console, auto_refresh=False, transient=True) as shown, _logs_above():

        def show(ended: FrozenTrial | None) -> None:
            say(ended)
            best = {trial.number for trial in best_trials(study)}
            shown.update(table_of(study, best, rows=console.height - ROOM_AROUND), refresh=True)

        show(None)
        yield show


def _say(console: Console, study: SweepStudy, told: Told | None, trial: FrozenTrial | None) -> None:
    if trial is None:
        return
    runs = [folder for folder in study.run_folders(trial.number) if folder.exists()]
    left = told.ended(runs) if told else ""
    console.print(line_of(study, trial, left), markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _logs_above() -> Iterator[None]:
    """Let log messages go through the streams that the table has put in place, so that they stay above it."""
    found = [handler for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler]
    streams = [handler.stream for handler in found]
    places = {sys.__stdout__: sys.stdout, sys.__stderr__: sys.stderr}
    for handler, stream in zip(found, streams, strict=True):
        handler.setStream(places.get(stream, stream))
    try:
        yield
    finally:
        for handler, stream in zip(found, streams, strict=True):
            handler.setStream(stream)
