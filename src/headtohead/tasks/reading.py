"""Reading splits through a trunk that nothing trains, once for all runs over it, before they are trained or scored."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from headtohead.tasks.member import Member
from headtohead.training.features import Advance

SECONDS_BETWEEN_LINES = 20.0


def read_once(members: Sequence[Member], *splits: str) -> None:
    """Read splits of the members of a pack where heads need one state of each row; do nothing elsewhere.

    What that takes here is a phase of its own, which they share. What it took in all, here or where another run did it, is
    ``read_once`` in each record, so that what a head costs does not depend on who came first.
    """
    pack = members[0].pack
    assert pack is not None
    if pack.features is None:
        return
    started = time.monotonic()
    try:
        for member in members:
            for split in splits:
                rows = member.encoded[split]
                with _bar(f"reading {split} once", len(rows), pack.processes.is_main) as advance:
                    member.run.record.cost.setdefault("read_once", {})[split] = pack.read_once(rows, advance)
    finally:
        for member in members:
            member.run.phases.add_seconds("read", (time.monotonic() - started) / len(members))


@contextmanager
def _bar(what: str, rows: int, is_shown: bool) -> Iterator[Advance]:
    """Show how far reading is, from the first row that is read; a line now and then where no terminal shows a bar."""
    columns = TextColumn("[bold]{task.description}"), MofNCompleteColumn(), TextColumn("rows"), TimeRemainingColumn()
    bar = Progress(*columns, disable=not is_shown)
    bar.add_task(what, total=rows)
    (task,) = bar.tasks
    said = time.monotonic()

    def advance(count: int, is_read: bool) -> None:
        nonlocal said
        if is_read:
            bar.start()
        bar.advance(task.id, count)
        if is_shown and not bar.console.is_terminal and time.monotonic() - said > SECONDS_BETWEEN_LINES:
            bar.console.print(f"{what}: {task.completed:,.0f} of {rows:,} rows")
            said = time.monotonic()

    try:
        yield advance
    finally:
        if bar.live.is_started:
            bar.stop()
