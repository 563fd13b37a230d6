"""Numbers with a decimal comma."""

from __future__ import annotations

import re
from itertools import islice

from headtohead.data.formats.delimited import Layout, rows
from headtohead.data.input_file import InputFile
from headtohead.errors import UserError

WITH_COMMA = re.compile(r"\s*[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+\s*$")
THOUSANDS = re.compile(r"\s*[+-]?\d{1,3},\d{3}\s*$")
WHOLE = re.compile(r"\s*([+-]?\d+)?\s*$")


def comma_column(file: InputFile, layout: Layout) -> str:
    """Return the column of numbers if it has decimal commas, else an empty text.

    Raises:
        UserError: the commas may also mark thousands.
    """
    column, asked = file.how.numbers, file.how.dialect.decimal
    if column not in layout.columns or asked == "point":
        return ""
    if asked == "comma":
        return column
    values = _values_with_commas(file, layout, layout.columns.index(column))
    if not values:
        return ""
    if all(map(THOUSANDS.match, values)):
        raise UserError(
            f"{file.path}: {values[0]!r} in {column!r} is {with_point(values[0])} or {values[0].replace(',', '')}: "
            "set data.dialect.decimal=comma for the first; for the second write thousands without commas"
        )
    file.say(f"numbers in {column!r} have a decimal comma, such as {values[0]!r}", "data.dialect.decimal=comma")
    return column


def with_point(value: str) -> str:
    """Return a number with a decimal comma as Python reads it; anything else as it is."""
    return value.replace(".", "").replace(",", ".") if WITH_COMMA.match(value) else value


def _values_with_commas(file: InputFile, layout: Layout, place: int) -> list[str]:
    """Return distinct values with a comma; none at all if there is one that is neither that nor a whole number."""
    found: dict[str, None] = {}
    with file.text() as text:
        for row in rows(islice(text, layout.before, None), layout, len(layout.columns)):
            value = row.fields[place] if not row.fault else ""
            if WITH_COMMA.match(value):
                found[value] = None
            elif not WHOLE.match(value):
                return []
    return list(found)
