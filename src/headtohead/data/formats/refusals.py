"""What to say of a table whose columns are not where they should be, with the line to type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from headtohead.data.files.input_file import InputFile
from headtohead.data.formats.delimited import Row
from headtohead.errors import UserError
from headtohead.grammar import typed

LONG = 60
"""Letters of a field that is hardly the name of a column."""


def refuse_missing(file: InputFile, rows: Sequence[Row]) -> NoReturn:
    """Say that a column is missing, and why where the first row is no header.

    Raises:
        UserError: always.
    """
    if len(rows[0].fields) > 1 and is_row(rows):
        names = typed("data.dialect.columns", _guessed_names(file, rows))
        raise UserError(
            f"{file.path} has no header: its first row is {shown(rows[0])}, so there is no column {file.columns[0]!r}. Name the "
            f"columns by {names}"
        )
    if len(rows[0].fields) == 1 and list(file.columns) == [file.how.text]:
        raise UserError(
            f"{file.path} has no column {file.how.text!r}, its first line is {shown(rows[0])}. If every line is a text: "
            f"{typed('data.dialect.columns', [file.how.text])}; if the first names the column: data.fields.text"
        )
    present = [name.strip() for name in rows[0].fields]
    way = "" if len(present) > 1 else "; if there are several columns, set data.dialect.delimiter"
    file.require_columns(present, f"{way}; if the first row is no header: data.dialect.header=none")
    raise AssertionError("a column is missing")


def refuse_wide_rows(file: InputFile, names: Sequence[str], row: Row) -> NoReturn:
    """Say that every row has a field more than the header has names.

    Raises:
        UserError: always.
    """
    renamed = typed("data.dialect.columns", ["row", *names])
    raise UserError(
        f"{file.path}: the header has {len(names)} names, every row {len(names) + 1} fields, the first {shown(row)}. If the rows "
        f"begin with a name of their own: data.dialect.header=first_row {renamed}; if a field holds the delimiter, it needs quotes"
    )


def shown(row: Row) -> str:
    """Return the first fields of a row for a message."""
    return " | ".join(repr(field[:40]) for field in row.fields[:4])


def is_row(rows: Sequence[Row]) -> bool:
    """Whether the first row looks like the others: a field too long for a name, a number, or a value that comes again."""
    first, others = rows[0].fields, rows[1:]
    again = (
        name in {row.fields[place] for row in others if len(row.fields) > place} for place, name in enumerate(first)
    )
    return any(len(name) > LONG or _is_number(name) for name in first) or any(again)


def _is_number(name: str) -> bool:
    return name.strip().lstrip("+-").replace(".", "", 1).isdecimal()


def _guessed_names(file: InputFile, rows: Sequence[Row]) -> list[str]:
    """Return names of the columns: the longest is the text, the one with the fewest values the label."""
    width = len(rows[0].fields)
    full = [row.fields for row in rows if len(row.fields) == width]
    text = max(range(width), key=lambda place: sum(len(fields[place]) for fields in full))
    distinct = [len({fields[place] for fields in full}) for place in range(width)]
    others = sorted(set(range(width)) - {text}, key=lambda place: (distinct[place] < 2, distinct[place]))
    names = {text: file.how.text, **({others[0]: file.how.label} if others else {})}
    return [names.get(place, f"column{place + 1}") for place in range(width)]
