"""What quotes mean in a table: they hold a field together, or are characters like any other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from headtohead.config.dialect import AUTO
from headtohead.data.files.input_file import InputFile
from headtohead.data.formats.delimited import Layout, Row, rows
from headtohead.errors import UserError

FEW = 200
"""Distinct values of a column by which a row is known again."""
WAYS = ("standard", "backslash", "none", "single")
"""Of several that explain a file equally well, the first is taken."""
SAID = {
    "none": "quotes are read as characters like any other",
    "backslash": "quotes inside a quoted field have a backslash before them",
    "single": "fields stand in single quotes",
}


@dataclass(slots=True)
class _Survey:
    """How well a way of quoting explains a file."""

    layout: Layout
    faults: int = 0
    spans: list[tuple[int, int]] = field(default_factory=list)
    """First and last line of each row that has several."""
    quoted: int = 0
    """Fields that begin and end with a double quote, less those that only begin with one."""


def with_quoting(file: InputFile, layout: Layout) -> Layout:
    """Return the layout with the quoting that leaves the fewest broken rows.

    Raises:
        UserError: two ways explain all lines, and they give different rows.
    """
    if not layout.delimiter or not _has_quotes(file, layout):
        return layout
    if file.how.dialect.quoting != AUTO:
        _say_spans(file, _survey(file, layout))
        return layout
    standard = _survey(file, layout)
    if not standard.faults and not standard.spans:
        return layout
    if len(layout.columns) == 1:
        return _of_one_column(file, standard)
    ways = [way for way in WAYS if way != "single" or _stand_in_single_quotes(file, layout)]
    surveys = {way: standard if way == "standard" else _survey(file, replace(layout, quoting=way)) for way in ways}
    plain = surveys["none"]
    if plain.quoted > 0:  # they do hold fields together: what is broken is the row
        del surveys["none"]
    best = min(surveys.values(), key=lambda survey: survey.faults)
    if best is standard and standard.spans and "none" in surveys and plain.faults == standard.faults:
        best = _settle(file, standard, plain)
    if best is standard:
        _say_spans(file, standard)
    else:
        _say_other(file, standard, best.layout.quoting)
    return best.layout


def _has_quotes(file: InputFile, layout: Layout) -> bool:
    single = f"{layout.delimiter}'"
    with file.text() as text:
        return len(layout.columns) == 1 or any('"' in line or single in line or line[:1] == "'" for line in text)


def _stand_in_single_quotes(file: InputFile, layout: Layout) -> bool:
    """Whether most lines have a field between single quotes: an apostrophe at the start of a word is none."""
    delimiter = re.escape(layout.delimiter)
    quoted = re.compile(rf"(^|{delimiter})'.*?'({delimiter}|\s*$)")
    with file.text() as text:
        found = [bool(quoted.search(line)) for line in islice(text, layout.before, layout.before + FEW)]
    return sum(found) > len(found) / 2


def _survey(file: InputFile, layout: Layout) -> _Survey:
    found = _Survey(layout)
    for row in _rows(file, layout):
        found.faults += bool(row.fault)
        if row.last > row.first and not row.fault:
            found.spans.append((row.first, row.last))
        if layout.quoting == "none":
            found.quoted += sum(1 if text.endswith('"', 1) else -1 for text in row.fields if text.startswith('"'))
    return found


def _rows(file: InputFile, layout: Layout) -> Iterator[Row]:
    with file.text() as text:
        yield from rows(islice(text, layout.before, None), layout, len(layout.columns))


def _of_one_column(file: InputFile, standard: _Survey) -> Layout:
    """Read a line as a field where the delimiter stands in fields without any quotes: a header of one leaves no doubt."""
    quoted = any(row.fields[0].startswith('"') for row in _rows(file, replace(standard.layout, delimiter="")))
    if standard.faults and not quoted:
        file.say("there is one column, so a line is one field whatever it holds", "data.dialect.delimiter=none")
        return replace(standard.layout, delimiter="")
    _say_spans(file, standard)
    return standard.layout


def _settle(file: InputFile, standard: _Survey, plain: _Survey) -> _Survey:
    """Choose between a row of several lines and several rows, where both have the right number of fields.

    Lines that are rows of their own repeat what other rows hold in some column, their label in most files.
    """
    inside = {line for first, last in standard.spans for line in range(first, last + 1)}
    if _repeat_others(file, plain.layout, lambda row: row.first in inside):
        return plain
    if _repeat_others(file, standard.layout, lambda row: row.last > row.first):
        return standard
    first, last = standard.spans[0]
    raise UserError(
        f"{file.path}: lines {first} to {last} are one row if their quotes hold a field together, and {last - first + 1} rows if "
        "quotes are characters like any other. Set data.dialect.quoting=standard for the first, data.dialect.quoting=none "
        "for the second"
    )


def _repeat_others(file: InputFile, layout: Layout, doubtful: Callable[[Row], bool]) -> bool:
    """Whether there is a column of few values in which the doubtful rows hold nothing but values of the other rows."""
    width, certain = len(layout.columns), 0
    known, doubted = [set[str]() for _ in range(width)], [set[str]() for _ in range(width)]
    for row in _rows(file, layout):
        is_doubtful = doubtful(row)
        if row.fault and is_doubtful:
            return False
        certain += not is_doubtful
        for values, value in zip(doubted if is_doubtful else known, row.fields, strict=False):
            if len(values) <= FEW:
                values.add(value)
    return any(
        len(values) <= min(FEW, certain / 2) and found <= values for values, found in zip(known, doubted, strict=True)
    )


def _swallows_rows(file: InputFile, layout: Layout) -> bool:
    """Whether lines inside a row, or all of its lines, look like rows of their own: they repeat values of a column of few."""
    count, known = 0, [set[str]() for _ in layout.columns]
    doubtful: list[list[list[str]]] = []
    for row in _rows(file, layout):
        count += 1
        for values, value in zip(known, row.fields, strict=False):
            if len(values) <= FEW:
                values.add(value)
        if row.lines and not row.fault and len(doubtful) < FEW:
            doubtful.append([line.rstrip("\r\n").split(layout.delimiter) for line in row.lines])
    few = [place for place, values in enumerate(known) if len(values) <= min(FEW, count / 2)]

    def is_row(fields: list[str], place: int) -> bool:
        return len(fields) == len(known) and bool(fields[place]) and fields[place] in known[place]

    found = [[is_row(fields, place) for fields in lines] for lines in doubtful for place in few]
    return any(any(lines[1:-1]) or all(lines) for lines in found)


def _say_other(file: InputFile, standard: _Survey, way: str) -> None:
    broken = f"break {standard.faults:,} rows"
    if not standard.faults:
        broken = "make lines {} to {} one row".format(*standard.spans[0])
    file.say(f"{SAID[way]}; as double quotes around fields they would {broken}", f"data.dialect.quoting={way}")


def _say_spans(file: InputFile, survey: _Survey) -> None:
    if not survey.spans:
        return
    first, last = survey.spans[0]
    more = f", as do {len(survey.spans) - 1:,} other rows" if len(survey.spans) > 1 else ""
    file.say(
        f"lines {first} to {last} are one row, whose quotes hold a field with line breaks{more}; if quotes are plain characters:",
        "data.dialect.quoting=none",
        leads=_swallows_rows(file, survey.layout),
    )
