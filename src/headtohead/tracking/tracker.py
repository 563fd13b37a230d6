"""The seam behind which metrics go to one place or several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of plain values under named columns."""

    columns: list[str]
    rows: list[list[Any]]


@runtime_checkable
class Tracker(Protocol):
    """Takes metrics as they come, and what came of the run at the end."""

    def log(self, step: int, values: dict[str, float]) -> None:
        """Take values named with slashes, such as ``validation/macro_f1``."""

    def finish(self, summary: dict[str, Any], tables: dict[str, Table], page: str = "") -> None:
        """Take the record's metrics, tables of predictions, texts and confusion, the page's HTML, and close."""


class Trackers:
    """Several trackers as one."""

    def __init__(self, trackers: list[Tracker]) -> None:
        self._trackers = trackers

    def log(self, step: int, values: dict[str, float]) -> None:
        """Pass on to all."""
        for tracker in self._trackers:
            tracker.log(step, values)

    def finish(self, summary: dict[str, Any], tables: dict[str, Table], page: str = "") -> None:
        """Finish all."""
        for tracker in self._trackers:
            tracker.finish(summary, tables, page)
