"""Numbers with a decimal comma."""

from __future__ import annotations

import re
from itertools import islice

from headtohead.data.files.input_file import InputFile
from headtohead.data.formats.delimited import Layout, rows
from headtohead.errors import UserError

WITH_COMMA = re.compile(r"\s*[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+\s*$")
THOUSANDS = re.compile(r"\s*[+-]?\d{1,3},\d{3}\s*$")
WITH_POINTS = re.compile(r"\s*[+-]?[1-9]\d{0,2}(\.\d{3})+\s*$")
WHOLE = re.compile(r"\s*([+-]?\d+(?:(?<=\d)(\.\d{3})+)?)?\s*$")


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
    place = layout.columns.index(column)
    values = _values_with_commas(file, layout, place)
    if not values:
        _say_points(file, layout, place)
        return ""
    if all(map(THOUSANDS.match, values)):
        raise UserError(
            f"{file.path}: {values[0]!r} in {column!r} is {with_point(values[0])} or {values[0].replace(',', '')}: "
            "set data.dialect.decimal=comma for the first; for the second write thousands without commas"
        )
    file.say(f"numbers in {column!r} have a decimal comma, such as {values[0]!r}", "data.dialect.decimal=comma")
    return column


def with_point(value: str) -> str:
    """Return a number of a column with decimal commas, where points mark thousands, as Python reads it; else the text."""
    is_number = WITH_COMMA.match(value) or WITH_POINTS.match(value)
    return value.replace(".", "").replace(",", ".") if is_number else value


def _say_points(file: InputFile, layout: Layout, place: int) -> None:
    """Say how points are read where all of them may mark thousands: in tables of countries that write semicolons."""
    if layout.delimiter != ";":
        return
    with file.text() as text:
        found = [
            row.fields[place] for row in rows(islice(text, layout.before, None), layout, 0) if len(row.fields) > place
        ]
    pointed = [value for value in found if "." in value]
    if pointed and all(map(WITH_POINTS.match, pointed)):
        file.say(
            f"numbers in {file.how.numbers!r} such as {pointed[0]!r} are read with a decimal point; if it marks thousands:",
            "data.dialect.decimal=comma",
            leads=True,
        )


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
