"""CSV, TSV and their kin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from headtohead.data.files.input_file import InputFile
from headtohead.data.files.raw_row import Record
from headtohead.data.formats.delimited import rows
from headtohead.data.formats.dialect import recognise
from headtohead.data.text import RowError

BLANK = " \t\ufeff"
"""Around a name: spaces, and the mark at the start of a file that was appended."""


def read(file: InputFile) -> Iterator[Record]:
    """Yield the rows, numbered without header and blank lines.

    Raises:
        UserError: a missing column, or a dialect that is not certain.
    """
    dialect = recognise(file)
    columns = dialect.layout.columns
    headers = 0
    with file.text() as text:
        lines = islice(text, dialect.layout.before, None)
        for number, row in enumerate(rows(lines, dialect.layout, len(columns)), start=1):
            row_id = f"{file.name}:{number}"
            if number == 1 and _is_ruler(row.fields):
                file.say("the line of dashes below the header is no row")
                continue
            if row.fault:
                where = f"line {row.first}" if row.first == row.last else f"lines {row.first} to {row.last}"
                yield Record(row_id, fault=RowError("broken line", f"{where}: {row.fault}"))
                continue
            values = dict(zip(columns, row.fields, strict=True))
            if len(columns) > 1 and all(name == value.strip(BLANK) for name, value in values.items()):
                headers += 1
                continue
            yield Record(row_id, dialect.with_points(values))
    if headers:
        file.say(
            f"the header stands {headers:,} more times between the rows, as in files that were joined; it is no row"
        )


def _is_ruler(fields: list[str]) -> bool:
    """Whether a row is the line between header and rows of a table in Markdown or Org."""
    return any("--" in field for field in fields) and all(re.fullmatch(r"[\s:|+-]*", field) for field in fields)
