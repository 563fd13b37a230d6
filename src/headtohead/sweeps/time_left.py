"""How long a sweep still takes, from what has ended of it or, before that, from earlier runs like its own."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from statistics import fmean

from headtohead.durations import in_words
from headtohead.errors import UserError
from headtohead.results import RunRecord, read_record
from headtohead.sweeps.arms.fold_budget import is_by_folds, runs_by_folds
from headtohead.sweeps.space.search_space import Space
from headtohead.sweeps.sweeper_settings import Settings

FINISHED = ("completed", "pruned")
LATEST = 5
"""Earlier runs whose time is asked for."""


class Pace:
    """Counts runs as they end.

    Args:
        runs: that are to be done.
        slots: that are done at the same time.
    """

    def __init__(self, runs: int, slots: int) -> None:
        self._runs, self._slots = runs, slots
        self._ended, self._started = 0, time.monotonic()
        self._first_wave: tuple[int, float] | None = None

    def note_ended(self, runs: int = 1) -> None:
        """Take in that runs have ended."""
        self._ended += runs
        if self._first_wave is None and self._ended >= self._under_way:
            self._first_wave = self._ended, time.monotonic()

    def left(self) -> str:
        """Return how long what is left takes, such as ``about 3 minutes left``; nothing where nothing is left."""
        runs = self._runs - self._ended
        if runs <= 0 or not self._ended:
            return ""
        return f"{in_words(runs * self._seconds_a_run())} left"

    @property
    def _under_way(self) -> int:
        return min(self._slots, self._runs)

    def _seconds_a_run(self) -> float:
        """Return the seconds between two ends: those of the first runs count what is loaded once, later ones do not."""
        now = time.monotonic()
        if self._first_wave is not None and self._ended >= self._first_wave[0] + self._under_way:
            ended, since = self._first_wave
            return (now - since) / (self._ended - ended)
        # the first to end has run beside others that are nearly as far
        return (now - self._started) / max(self._ended, self._under_way)

    def at_start(self, seconds: float | None, estimate: Callable[[], float | None] = lambda: None) -> str:
        """Return how much there is to do, such as ``10 runs, about 4 minutes``.

        Args:
            seconds: of a run, where earlier ones tell.
            estimate: of a run that has this machine to itself; None where there is none. Asked where none tell.
        """
        runs = f"{self._runs} run{'s' if self._runs != 1 else ''}"
        if not self._runs:
            return "nothing is left to run"
        if seconds is not None:
            return f"{runs}, {in_words(seconds * math.ceil(self._runs / self._slots))}"
        if (alone := estimate()) is not None:  # those beside each other share the machine
            words = in_words(alone * self._runs)
            return f"{runs}, {words} by an estimate from model size, rows and this processor; the first to end tells better"
        return f"{runs}; how long they take is known when the first has ended"


def planned_runs(settings: Settings, spaces: Mapping[str, Space]) -> int:
    """Return how many runs a sweep has in all: trials with their seeds, and the confirming runs of arms."""
    if settings.arms and is_by_folds(spaces):
        return sum(runs_by_folds(settings, space) for space in spaces.values())
    trials = [len(space.grid()) if settings.is_grid else settings.n_trials for space in spaces.values()]
    of_each = [count * max(1, len(space.plan.places)) for count, space in zip(trials, spaces.values(), strict=True)]
    runs = sum(of_each) * settings.tunings
    confirming = len(settings.arms) * settings.tunings * settings.confirm.runs(min(settings.confirm.top_k, *trials))
    return runs + confirming


def finished_runs(folder: Path) -> int:
    """Return how many runs of a sweep have come to their end."""
    return sum(record.status in FINISHED for record in _records(folder.glob("**/result.json")))


def seconds_of_a_run(sweep: Path, outputs: Path, *, model: str, data: str) -> float | None:
    """Return how long a run like a sweep's own takes: by its own runs, else by the latest of the model on the data.

    Args:
        sweep: its folder.
        outputs: where other runs lie.
    """
    own = _seconds(_records(sweep.glob("**/result.json")))
    if own:
        return fmean(own)
    latest = sorted(outputs.glob("*/result.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    alike = (record for record in _records(latest) if _is_of(record, model, data))
    others = _seconds(record for record, _ in zip(alike, range(LATEST), strict=False))
    return fmean(others) if others else None


def _records(paths: Iterable[Path]) -> Iterator[RunRecord]:
    for path in paths:
        try:
            yield read_record(path)
        except (UserError, OSError):  # it tells nothing of time
            continue


def _seconds(records: Iterable[RunRecord]) -> list[float]:
    spent = (sum((record.cost.get("seconds") or {}).values()) for record in records if record.status in FINISHED)
    return [seconds for seconds in spent if seconds]


def _is_of(record: RunRecord, model: str, data: str) -> bool:
    config = record.config
    return (config.get("model") or {}).get("name") == model and (config.get("data") or {}).get("name") == data
