"""A progress bar on the terminal: loss, tokens per second, time left."""

from __future__ import annotations

import time
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from headtohead.training import Pack

SECONDS_BETWEEN_LINES = 20.0


class TrainingProgress:
    """Shows a pack of one as it trains; evaluations stay on the screen as lines."""

    def __init__(self, name: str, pack: Pack) -> None:
        self._pack, self._trial = pack, pack.trials[0]
        self._shown_notes = 0
        self._said = time.monotonic()
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
        self._task = self._bar.add_task(name, total=self._trial.total_steps, loss="-", rate="-")

    def __enter__(self) -> TrainingProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def note(self, step: int, values: dict[str, float]) -> None:
        """Show training values in the bar, and an evaluation as a line."""
        if "train/loss" in values:
            rate = f"{values['train/tokens_per_second']:,.0f}"
            self._bar.update(self._task, loss=f"{values['train/loss']:.4f}", rate=rate)
            self._say_in_log(
                f"step {step} of {self._trial.total_steps}: loss {values['train/loss']:.4f}, {rate} tokens/s"
            )
            return
        shown = [f"{name} {values[f'validation/{name}']:.4f}" for name in _SHOWN if f"validation/{name}" in values]
        self._bar.console.print(f"step {step}: validation {', '.join(shown)}")
        self._say_notes()

    def _say_in_log(self, line: str) -> None:
        """Where no terminal shows the bar, such as a cluster's log file, print a line now and then."""
        now = time.monotonic()
        if not self._bar.console.is_terminal and not self._bar.disable and now - self._said > SECONDS_BETWEEN_LINES:
            self._bar.console.print(line)
            self._said = now

    def advance(self, pack: Pack, losses: list[float]) -> None:
        """Move the bar, and say once what the pack had to change."""
        self._bar.update(self._task, completed=self._trial.progress.step)
        self._say_notes()

    def _say_notes(self) -> None:
        for text in self._pack.notes[self._shown_notes :]:
            self._bar.console.print(text)
        self._shown_notes = len(self._pack.notes)


_SHOWN = ("accuracy", "macro_f1", "subset_accuracy", "mae", "quadratic_kappa", "log_loss")
