"""How a table is written: recognised where the file leaves no doubt, and said; else refused with the setting to type."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import Any

from headtohead.config.dialect import AUTO, DELIMITERS
from headtohead.data.files.input_file import InputFile
from headtohead.data.formats.decimals import comma_column, with_point
from headtohead.data.formats.delimited import Layout, rows
from headtohead.data.formats.headers import with_columns
from headtohead.data.formats.quoting import with_quoting
from headtohead.data.formats.refusals import refuse_wide_rows

HEAD_LINES = 200
USUAL = {"tsv": "\t", "tab": "\t"}
"""The delimiter that a format's name promises, where that is no comma."""
SEP_LINE = re.compile(r'"?sep=(.)"?\s*$')
"""The line by which spreadsheet programs name the delimiter."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The layout of a table, and which of its columns has decimal commas."""

    layout: Layout
    comma_column: str = ""

    def with_points(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return a row whose numbers are written as Python reads them."""
        if self.comma_column:
            values[self.comma_column] = with_point(values[self.comma_column])
        return values


def recognise(file: InputFile) -> Dialect:
    """Return the dialect of a table: settings first, then what the file itself says.

    Raises:
        UserError: a missing column, or something that cannot be known; names the setting.
    """
    with file.text() as text:
        head = list(islice(text, HEAD_LINES))
    before = _before(head, file)
    layouts = [
        Layout(
            delimiter=delimiter,
            quoting="standard" if file.how.dialect.quoting == AUTO else file.how.dialect.quoting,
            before=before,
            comment="" if file.how.dialect.comment in (AUTO, "none") else file.how.dialect.comment,
        )
        for delimiter in _delimiters(head, file)
    ]
    layout = with_quoting(file, with_columns(file, head, layouts))
    below = list(rows(head[layout.before :], layout, 0))
    if len(below) > 1 and all(len(row.fields) == len(layout.columns) + 1 for row in below):
        refuse_wide_rows(file, layout.columns, below[0])
    return Dialect(layout, comma_column(file, layout))


def _delimiters(head: list[str], file: InputFile) -> list[str]:
    """Return the possible delimiters, the usual one of the format first."""
    asked = file.how.dialect.delimiter
    if asked != AUTO:
        return [DELIMITERS.get(asked, asked)]
    if head and (declared := SEP_LINE.match(head[0])):
        return [declared.group(1)]
    return list(dict.fromkeys([USUAL.get(file.format, ","), *filter(None, DELIMITERS.values())]))


def _is_header(line: str, file: InputFile) -> bool:
    """Whether a line that looks like a comment has the names of the columns."""
    return bool(file.columns) and set(file.columns) <= set(re.split(r"[\s,;|]+", line.strip("# \t\r\n")))


def _before(head: list[str], file: InputFile) -> int:
    """Return how many lines stand before the first row or header: blank ones, comments, one that names the delimiter."""
    before, comments = int(bool(head and SEP_LINE.match(head[0]))), 0
    comment = "#" if file.how.dialect.comment == AUTO else file.how.dialect.comment
    for line in head[before:]:
        is_comment = comment != "none" and line.startswith(comment) and not _is_header(line, file)
        if line.strip() and not is_comment:
            break
        comments += is_comment
        before += 1
    if comments:
        file.say(f"{comments} lines before the table begin with {comment} and are skipped", "data.dialect.comment=none")
    return before
