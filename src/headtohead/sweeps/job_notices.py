"""What a sweep tells of its runs as they end: how long the rest takes, and their notices, once a sweep instead of once a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from headtohead.errors import UserError
from headtohead.notices import Notice
from headtohead.results import read_record
from headtohead.sweeps.time_left import Pace


class Told:
    """What a person has been told.

    Args:
        folder: of the sweep; its earlier runs' notices were told by earlier commands.
        pace: of the sweep.
    """

    def __init__(self, folder: Path, pace: Pace) -> None:
        self._pace = pace
        self._kinds = {notice.kind for path in folder.glob("**/result.json") for notice in _notices_of(path.parent)}

    def ended(self, runs: Sequence[Path]) -> str:
        """Print what runs that have ended have to say, unless another has said it; return how long the rest takes.

        Another attempt, or another trial, says the same in other figures: its record and its page hold them.
        """
        for notice in (notice for run in runs for notice in _notices_of(run)):
            if notice.kind not in self._kinds:
                self._kinds.add(notice.kind)
                print(notice, flush=True)
        self._pace.note_ended(len(runs))
        return self._pace.left()


def _notices_of(run: Path) -> list[Notice]:
    try:
        return list(map(Notice.from_dict, read_record(run / "result.json").notices))
    except (UserError, OSError):  # it was killed before it had any
        return []
