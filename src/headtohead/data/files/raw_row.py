"""One row of a file, as it stands there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from headtohead.data.text import RowError


@dataclass(frozen=True, slots=True)
class Record:
    """A row, or what is wrong with the place where one should be.

    ``row_id`` is ``file:row`` (rows count from 1, without headers; JSON lines count lines), or a text file's path.
    """

    row_id: str
    columns: dict[str, Any] = field(default_factory=dict)
    fault: RowError | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The value of each column.

        Raises:
            RowError: the row is broken; the rows around it are not.
        """
        if self.fault:
            raise self.fault
        return self.columns


def with_paths(values: dict[str, Any], wanted: Iterable[str]) -> dict[str, Any]:
    """Add each wanted column that is no key but leads into nested values, such as ``review.body`` or ``answers.0.text``."""
    for column in wanted:
        if "." in column and column not in values:
            found = walk(values, column)
            if found is not None:
                values = {**values, column: found}
    return values


def nested_names(values: dict[str, Any]) -> list[str]:
    """Return the keys of a row, nested ones with dots."""
    inner = {key: nested_names(value) if isinstance(value, dict) else [] for key, value in values.items()}
    return [name for key, below in inner.items() for name in (key, *(f"{key}.{further}" for further in below))]


def walk(value: Any, path: str) -> Any:
    """Return what lies at a dotted path inside nested objects and lists, or None."""
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
