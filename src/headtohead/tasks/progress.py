"""Progress bars on the terminal: of training (loss, tokens per second, time left), and of reading rows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import fmean
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from headtohead.training import Pack
from headtohead.training.features import Advance

SECONDS_BETWEEN_LINES = 20.0


class TrainingProgress:
    """Shows a pack as it trains; evaluations stay on the screen as lines.

    Args:
        names: of the runs; beside others each says whose evaluation it was.
    """

    def __init__(self, names: Sequence[str], pack: Pack) -> None:
        self._pack, self._names = pack, names
        self._total = max(trial.total_steps for trial in pack.trials)
        self._losses, self._rates = [0.0] * len(names), [0.0] * len(names)
        self._shown_notes = set(pack.notes)  # those of an earlier pack
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}  {task.fields[rate]} tokens/s"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            disable=not pack.processes.is_main,
        )
        self._log = _LogLines(self._bar)
        described = names[0] if len(names) == 1 else f"{len(names)} runs together"
        self._task = self._bar.add_task(described, total=self._total, loss="-", rate="-")

    def __enter__(self) -> TrainingProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def note(self, number: int, step: int, values: dict[str, float]) -> None:
        """Take in a run's training values for the bar, and show an evaluation as a line."""
        if "train/loss" in values:
            self._losses[number] = values["train/loss"]
            self._rates[number] = values["train/tokens_per_second"]
            return
        shown = [f"{name} {values[f'validation/{name}']:.4f}" for name in _SHOWN if f"validation/{name}" in values]
        whose = "" if len(self._names) == 1 else f"{self._names[number]}, "
        self._bar.console.print(f"{whose}step {step}: validation {', '.join(shown)}")
        self._say_notes()

    def advance(self, pack: Pack, losses: list[float]) -> None:
        """Move the bar, and say once what the pack had to change."""
        step = max(trial.progress.step for trial in pack.trials)
        loss, rate = f"{fmean(self._losses):.4f}", f"{sum(self._rates):,.0f}"
        self._bar.update(self._task, completed=step, loss=loss, rate=rate)
        self._log.say(f"step {step} of {self._total}: loss {loss}, {rate} tokens/s")
        self._say_notes()

    def _say_notes(self) -> None:
        for text in self._pack.notes:
            if text not in self._shown_notes:
                self._bar.console.print(text)
                self._shown_notes.add(text)


@contextmanager
def reading_bar(what: str, rows: int, *, is_shown: bool) -> Iterator[Advance]:
    """Show how far reading is, from the first row that is read."""
    columns = TextColumn("[bold]{task.description}"), MofNCompleteColumn(), TextColumn("rows"), TimeRemainingColumn()
    bar = Progress(*columns, disable=not is_shown)
    bar.add_task(what, total=rows)
    (task,), log = bar.tasks, _LogLines(bar)

    def advance(count: int, is_read: bool) -> None:
        if is_read:
            bar.start()
        bar.advance(task.id, count)
        log.say(f"{what}: {task.completed:,.0f} of {rows:,} rows")

    try:
        yield advance
    finally:
        if bar.live.is_started:
            bar.stop()


class _LogLines:
    """Prints a line now and then where no terminal shows a bar, such as into a cluster's log file."""

    def __init__(self, bar: Progress) -> None:
        self._bar, self._said = bar, time.monotonic()

    def say(self, line: str) -> None:
        """Print a line, if the last is long ago."""
        now = time.monotonic()
        if not self._bar.console.is_terminal and not self._bar.disable and now - self._said > SECONDS_BETWEEN_LINES:
            self._bar.console.print(line)
            self._said = now


_SHOWN = ("accuracy", "macro_f1", "subset_accuracy", "mae", "quadratic_kappa", "log_loss")
