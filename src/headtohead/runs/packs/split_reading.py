"""Reading splits through a trunk that nothing trains, once for all runs over it, before they are trained or scored."""

from __future__ import annotations

import time
from collections.abc import Sequence

from headtohead.console.progress import reading_bar
from headtohead.runs.packs.training_request import Member


def read_once(members: Sequence[Member], *splits: str) -> None:
    """Read splits of the members of a pack where heads need one state of each row; do nothing elsewhere.

    What that takes here is a phase of its own, which they share. What it took in all, here or where another run did it, is
    ``read_once`` in each record, so that what a head costs does not depend on who came first.
    """
    first = members[0]  # a pack reads its rows: the others' are the same
    assert first.pack is not None
    if first.pack.features is None:
        return
    started = time.monotonic()
    try:
        for split in splits:
            rows = first.encoded[split]
            with reading_bar(f"reading {split} once", len(rows), is_shown=first.pack.processes.is_main) as advance:
                seconds = first.pack.read_once(rows, advance)
            for member in members:
                member.run.record.cost.setdefault("read_once", {})[split] = seconds
    finally:
        for member in members:
            member.run.phases.add_seconds("read", (time.monotonic() - started) / len(members))
