"""Progress bars on the terminal: of training (loss, tokens per second, time left), and of reading rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from statistics import fmean
from types import TracebackType

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from headtohead.console.status_lines import lines_now_and_then, say
from headtohead.durations import in_words
from headtohead.evaluation.metric_table import METRICS
from headtohead.training import Pack
from headtohead.training.frozen_features import Advance


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
        self._bar = Progress(*training_columns())
        self._is_told = pack.processes.is_main
        self._bar.disable = not self._is_told or not self._bar.console.is_terminal
        self._log = ExitStack()
        described = names[0] if len(names) == 1 else f"{len(names)} runs together"
        self._bar.add_task(described, total=self._total, loss="-", rate="-")
        (self._task,) = self._bar.tasks

    def __enter__(self) -> TrainingProgress:
        self._bar.start()
        self._log.enter_context(lines_now_and_then(self._line, is_told=self._is_told and self._bar.disable))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._log.close()
        self._bar.stop()

    def _line(self) -> str:
        left = f", {in_words(self._task.time_remaining)} left" if self._task.time_remaining else ""
        told = f"loss {self._task.fields['loss']}, {self._task.fields['rate']} tokens/s"
        return f"{self._task.description}: step {self._task.completed:.0f} of {self._total}: {told}{left}"

    def note(self, number: int, step: int, values: dict[str, float]) -> None:
        """Take in a run's training values for the bar, and show an evaluation as a line."""
        if "train/loss" in values:
            self._losses[number] = values["train/loss"]
            self._rates[number] = values["train/tokens_per_second"]
            return
        shown = [f"{name} {values[f'validation/{name}']:.4f}" for name in _SHOWN if f"validation/{name}" in values]
        whose = "" if len(self._names) == 1 else f"{self._names[number]}, "
        self._say(f"{whose}step {step}: validation {', '.join(shown)}")
        self._say_notes()

    def advance(self, pack: Pack, losses: list[float]) -> None:
        """Move the bar, and say once what the pack had to change."""
        step = max(trial.progress.step for trial in pack.trials)
        loss, rate = f"{fmean(self._losses):.4f}", f"{sum(self._rates):,.0f}"
        self._bar.update(self._task.id, completed=step, loss=loss, rate=rate)
        self._say_notes()

    def _say_notes(self) -> None:
        for text in self._pack.notes:
            if text not in self._shown_notes:
                self._say(text)
                self._shown_notes.add(text)

    def _say(self, text: str) -> None:
        """Print a line: above the bar, where there is one."""
        if self._is_told:
            say(text)


def training_columns() -> list[ProgressColumn]:
    """Return the columns of the bar of training; on a narrow terminal the name and the bar give way, never a number."""
    return [
        TextColumn("[bold]{task.description}", table_column=Column(overflow="ellipsis")),
        BarColumn(),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TextColumn("loss {task.fields[loss]}  {task.fields[rate]} tokens/s"),
        TimeElapsedColumn(table_column=Column(no_wrap=True)),
        TextColumn("left"),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
    ]


@contextmanager
def reading_bar(what: str, rows: int, *, is_shown: bool) -> Iterator[Advance]:
    """Show how far reading is, from the first row that is read."""
    columns = TextColumn("[bold]{task.description}"), MofNCompleteColumn(), TextColumn("rows"), TimeRemainingColumn()
    bar = Progress(*columns)
    bar.disable = not is_shown or not bar.console.is_terminal
    bar.add_task(what, total=rows)
    (task,) = bar.tasks

    def advance(count: int, is_read: bool) -> None:
        if is_read:
            bar.start()
        bar.advance(task.id, count)

    try:
        with lines_now_and_then(
            lambda: f"{what}: {task.completed:,.0f} of {rows:,} rows", is_told=is_shown and bar.disable
        ):
            yield advance
    finally:
        if bar.live.is_started:
            bar.stop()


@contextmanager
def answering_bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show how many rows have been answered; a single text is answered without a word.

    Args:
        total: unknown of a stream.
    """
    of = f" of {total:,}" if total else ""
    columns = (
        TextColumn("[bold]{task.description}"),
        SpinnerColumn(),
        TextColumn("{task.completed:,.0f}" + of + " rows"),
    )
    bar = Progress(*columns, TimeElapsedColumn(), *[TextColumn("left"), TimeRemainingColumn()] * bool(total))
    bar.disable = total == 1 or not bar.console.is_terminal
    bar.add_task(what, total=total)
    (task,) = bar.tasks
    told = total != 1 and bar.disable
    with bar, lines_now_and_then(lambda: f"{what}: {task.completed:,.0f}{of} rows", is_told=told):
        yield lambda count: bar.advance(task.id, count)


_SHOWN = [name for name, metric in METRICS.items() if metric.shown == "training"]
