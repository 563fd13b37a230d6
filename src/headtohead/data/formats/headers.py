"""Which delimiter a table has and what its columns are called: the two are found together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

from headtohead.config.dialect import AUTO, DELIMITERS
from headtohead.data.formats.delimited import Layout, Row, rows
from headtohead.data.input_file import InputFile
from headtohead.errors import UserError
from headtohead.typed import typed

LONG = 60
"""Letters of a field that is hardly the name of a column."""
ORANGE_TYPES = {"c", "d", "s", "t", "continuous", "discrete", "string", "time", "basket"}


def with_columns(file: InputFile, head: list[str], layouts: Sequence[Layout]) -> Layout:
    """Return the layout under which the wanted columns are there, with the names of its columns and its first row.

    Args:
        file: whose settings count.
        head: its first lines.
        layouts: one per possible delimiter, the usual one first.

    Raises:
        UserError: no delimiter gives the columns, or the file has no header.
    """
    asked = file.how.dialect
    options = [_Option(layout, head) for layout in layouts]
    if asked.header == "none" or (
        asked.columns and asked.header == AUTO and not _repeats_names(options, asked.columns)
    ):
        return _without_header(file, options)
    if asked.columns and asked.header == "first_row":
        fitting = [option for option in options if len(option.names) == len(asked.columns)]
        names = tuple(asked.columns)
    else:
        fitting, names = [option for option in options if set(file.columns) <= set(option.names)], ()
    if not fitting and names:
        raise UserError(
            f"{file.path}: data.dialect.columns has {len(names)} names, the first row is {_shown(options[0])}"
        )
    if not fitting:
        _refuse(file, options)
    chosen = fitting[0]
    _require_distinct(file, names or chosen.names)
    _say_delimiter(file, chosen, options)
    return replace(chosen.layout, columns=names or tuple(chosen.names), before=chosen.after_header(file))


class _Option:
    """A possible delimiter, and the first rows under it."""

    def __init__(self, layout: Layout, head: list[str]) -> None:
        lines = head[layout.before :]
        first = next((line for line in lines if line.strip()), "")
        self.layout = replace(layout, spaced=bool(layout.delimiter) and f"{layout.delimiter} " in first)
        self.rows = list(rows(lines, self.layout, 0))
        if self.rows and self.rows[0].fault:  # a stray quote in the very first row
            self.rows = list(rows(lines, replace(self.layout, quoting="none"), 0))
        self.names = [name.strip() for name in self.rows[0].fields] if self.rows else []

    @property
    def width(self) -> int:
        """Fields of the first row."""
        return len(self.names)

    def share(self, width: int) -> float:
        """Return the share of the first rows that have so many fields."""
        return sum(len(row.fields) == width for row in self.rows) / max(len(self.rows), 1)

    def after_header(self, file: InputFile) -> int:
        """Return how many lines stand before the first row: the header, and Orange's types and roles below it."""
        last = self.rows[0].last if self.rows else self.layout.before
        if file.format != "tab" or len(self.rows) < 3:
            return last
        return self.rows[2].last if set(self.rows[1].fields) <= ORANGE_TYPES else last


def _repeats_names(options: list[_Option], columns: list[str]) -> bool:
    return any(sorted(option.names) == sorted(columns) for option in options)


def _without_header(file: InputFile, options: list[_Option]) -> Layout:
    """Return the layout of a table whose first row is a row; its columns have given names, or column1, column2, ..."""
    given = file.how.dialect.columns
    wide = [option for option in options if len(options) == 1 or option.width >= 2 or len(given) == 1]
    shares = [option.share(len(given) or option.width) for option in wide]
    best = max(shares, default=0)
    fitting = [option for option, share in zip(wide, shares, strict=True) if share == best > 0.5]
    if not fitting or (len(fitting) > 1 and fitting[0] is not options[0]):
        raise UserError(
            f"{file.path}: no delimiter gives rows of {len(given) or 'two or more'} fields, the first is "
            f"{_shown(options[0])}; set data.dialect.delimiter (comma, semicolon, tab, pipe, or the character) "
            "and data.dialect.columns"
        )
    chosen = fitting[0]
    names = given or [f"column{place + 1}" for place in range(chosen.width)]
    file.require_columns(names)
    _say_delimiter(file, chosen, options)
    return replace(chosen.layout, columns=tuple(names))


def _say_delimiter(file: InputFile, chosen: _Option, options: list[_Option]) -> None:
    if chosen is not options[0]:
        name, usual = _word(chosen.layout.delimiter), _word(options[0].layout.delimiter)
        file.say(f"the delimiter is the {name}, not the {usual}", f"data.dialect.delimiter={name}")


def _word(delimiter: str) -> str:
    return next(name for name, character in DELIMITERS.items() if character == delimiter)


def _refuse(file: InputFile, options: list[_Option]) -> NoReturn:
    """Say that a column is missing, and why where the first row is no header."""
    best = max(options, key=lambda option: (option.share(option.width), option.width))
    if best.width and _is_row(best):
        names = _guessed_names(file, best)
        raise UserError(
            f"{file.path} has no header: its first row is {_shown(best)}, so there is no column {file.columns[0]!r}. Name the "
            f"columns by {typed('data.dialect.columns', names)}"
        )
    way = "" if best.width > 1 else "; if there are several columns, set data.dialect.delimiter"
    file.require_columns(best.names, f"{way}; if the first row is no header: data.dialect.header=none")
    raise AssertionError("a column is missing")


def _is_row(option: _Option) -> bool:
    """Whether the first row looks like the others: a field too long for a name, a number, or a value that comes again."""
    first, others = option.rows[0].fields, option.rows[1:]
    again = (
        name in {row.fields[place] for row in others if len(row.fields) > place} for place, name in enumerate(first)
    )
    return any(len(name) > LONG or _is_number(name) for name in first) or any(again)


def _is_number(name: str) -> bool:
    return name.strip().lstrip("+-").replace(".", "", 1).isdecimal()


def _guessed_names(file: InputFile, option: _Option) -> list[str]:
    """Return names of the columns: the longest is the text, the one with the fewest values the label."""
    width = option.width
    full = [row for row in option.rows if len(row.fields) == width]
    length = [sum(len(row.fields[place]) for row in full) for place in range(width)]
    text = max(range(width), key=length.__getitem__)
    distinct = [len({row.fields[place] for row in full}) for place in range(width)]
    others = sorted(set(range(width)) - {text}, key=lambda place: (distinct[place] < 2, distinct[place]))
    names = {text: file.how.text, **({others[0]: file.how.label} if others else {})}
    return [names.get(place, f"column{place + 1}") for place in range(width)]


def _shown(option: _Option) -> str:
    fields: Row | list[str] = option.rows[0].fields if option.rows else []
    return " | ".join(repr(str(field)[:40]) for field in list(fields)[:4])


def _require_distinct(file: InputFile, header: Sequence[str]) -> None:
    twice = [column for column, count in Counter(header).items() if column and count > 1]
    if twice:
        raise UserError(
            f"{file.path}: the header names the column {twice[0]!r} twice; other names: data.dialect.header=first_row and "
            f"data.dialect.columns with {len(header)} names"
        )
