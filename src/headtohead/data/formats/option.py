"""A possible delimiter of a table, and the rows that its first lines are under it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from headtohead.data.files.input_file import InputFile
from headtohead.data.formats.delimited import Layout, rows
from headtohead.errors import UserError
from headtohead.grammar import typed

MOST_TITLES = 20
ORANGE_TYPES = {"c", "d", "s", "t", "continuous", "discrete", "string", "time", "basket"}


class Option:
    """A possible delimiter, and the first rows under it."""

    def __init__(self, layout: Layout, head: list[str]) -> None:
        lines = head[layout.before :]
        first = next((line for line in lines if line.strip()), "")
        self.layout = replace(layout, spaced=bool(layout.delimiter) and f"{layout.delimiter} " in first)
        self.rows = list(rows(lines, self.layout, 0))
        if self.rows and self.rows[0].fault:  # a stray quote in the very first row
            self.rows = list(rows(lines, replace(self.layout, quoting="none"), 0))
        self.titles = 0

    @property
    def names(self) -> list[str]:
        """The fields of the first row."""
        return [name.strip() for name in self.rows[0].fields]

    @property
    def width(self) -> int:
        """How many fields the first row has."""
        return len(self.rows[0].fields)

    def share(self, width: int) -> float:
        """Return the share of the first rows that have so many fields."""
        return sum(len(row.fields) == width for row in self.rows) / len(self.rows)

    def skip_titles(self, columns: Sequence[str]) -> bool:
        """Leave out lines before the first row that has the names of all columns, if all of them hold one field."""
        for place, row in enumerate(self.rows[:MOST_TITLES]):
            if len(row.fields) > 1 and set(columns) <= {name.strip() for name in row.fields}:
                self.titles, self.rows = place, self.rows[place:]
                return True
            if sum(bool(field.strip()) for field in row.fields) > 1:
                return False
        return False

    def named(self, file: InputFile, names: Sequence[str]) -> Layout:
        """Return the layout with the names of its columns, to be read from behind the header.

        Raises:
            UserError: a name occurs twice.
        """
        below = self.rows[3:] if self._has_types(file) else self.rows[1:]
        last = self.rows[2].last if self._has_types(file) else self.rows[0].last
        widths = {len(row.fields) for row in below if not row.fault}
        if widths == {len(names) + 1} and not any(row.fields[-1] for row in below):
            names = [*names, ""]  # a delimiter behind the last field of each row
        _require_distinct(file, names)
        return replace(self.layout, columns=tuple(names), before=last)

    def _has_types(self, file: InputFile) -> bool:
        """Whether types and roles of the columns stand below the header, as Orange writes them."""
        return file.format == "tab" and len(self.rows) > 2 and set(self.rows[1].fields) <= ORANGE_TYPES


def _require_distinct(file: InputFile, header: Sequence[str]) -> None:
    twice = [column for column, count in Counter(header).items() if column and count > 1]
    if twice:
        others = [name if name not in header[:place] else f"{name}_{place + 1}" for place, name in enumerate(header)]
        raise UserError(
            f"{file.path}: the header names the column {twice[0]!r} twice. Name them yourself, such as by "
            f"data.dialect.header=first_row {typed('data.dialect.columns', others)}"
        )
