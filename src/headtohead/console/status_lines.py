"""What is being done, told while it lasts: a spinner on a terminal, a line now and then where there is none."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

FIRST_LINE = 3.0
"""Seconds of silence after which a log hears of what is being done; whatever takes longer is told of when it ends, too."""
LAST_INTERVAL = 30.0
SLOWER = 120
"""Lines stand further apart the longer it lasts: by its seconds so far over this."""

_last = -LAST_INTERVAL
"""When a log last heard anything, by ``time.monotonic``: several short phases are no longer silent than a long one."""


def say(text: str) -> None:
    """Print a line."""
    global _last
    print(text, flush=True)
    _last = time.monotonic()


def is_main_process() -> bool:
    """Whether this is the one of several processes that tells, before anybody has loaded what they share."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def doing(what: str, *, is_told: bool = True) -> Iterator[None]:
    """Say that something is being done while the block lasts, and how long it took if it took long.

    Args:
        what: in words, such as ``writing the page``.
        is_told: not by every process of several.
    """
    if not is_told:
        yield
        return
    console, started = Console(), time.monotonic()
    spinner = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True
    )
    spinner.add_task(what)
    with spinner if console.is_terminal else lines_now_and_then(lambda: f"{what} ...{_so_far(started)}"):
        yield
    if time.monotonic() - started > FIRST_LINE:
        say(f"{what}: {time.monotonic() - started:.0f} s")


@contextmanager
def lines_now_and_then(line: Callable[[], str], *, is_told: bool = True) -> Iterator[None]:
    """Print a line whenever a log has heard nothing for a while, by a thread: the block need not come up for air."""
    if not is_told:
        yield
        return
    ended, started = threading.Event(), time.monotonic()

    def tell() -> None:
        while not ended.wait(max(0.0, _last + _interval(time.monotonic() - started) - time.monotonic())):
            if time.monotonic() >= _last + _interval(time.monotonic() - started):
                say(line())

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        ended.set()
        teller.join()


def _interval(lasted: float) -> float:
    """Return how long a log may be silent, in seconds, of what has lasted so many."""
    return min(LAST_INTERVAL, max(FIRST_LINE, lasted / SLOWER))


def _so_far(started: float) -> str:
    seconds = time.monotonic() - started
    return f" {seconds:.0f} s" if seconds >= 1 else ""
