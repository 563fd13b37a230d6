"""Reading splits through a trunk that nothing trains, once for all runs over it, before they are trained or scored."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from headtohead.tasks.member import Member


def read_once(members: Sequence[Member], *splits: str) -> None:
    """Read splits of the members of a pack where heads need one state of each row; do nothing elsewhere.

    What that takes here is a phase of its own, which they share. What it took in all, here or where another run did it, is
    ``read_once`` in each record, so that what a head costs does not depend on who came first.
    """
    for member in members:
        assert member.pack is not None
        if member.pack.features is None:
            continue
        for split in splits:
            started = time.monotonic()
            with _bar(f"reading {split} once", len(member.encoded[split]), member.pack.processes.is_main) as advance:
                seconds = member.pack.read_once(member.encoded[split], advance)
            member.run.record.cost.setdefault("read_once", {})[split] = seconds
            for other in members:
                other.run.phases.add_seconds("read", (time.monotonic() - started) / len(members))


@contextmanager
def _bar(what: str, rows: int, is_shown: bool) -> Iterator[Callable[[int], None]]:
    """Show how far reading is, from the first row that is read."""
    columns = TextColumn("[bold]{task.description}"), MofNCompleteColumn(), TextColumn("rows"), TimeRemainingColumn()
    bar = Progress(*columns, disable=not is_shown)
    task = bar.add_task(what, total=rows)

    def advance(count: int) -> None:
        bar.start()
        bar.advance(task, count)

    try:
        yield advance
    finally:
        if bar.live.is_started:
            bar.stop()
