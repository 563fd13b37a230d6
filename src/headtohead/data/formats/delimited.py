"""Lines of a table become rows of fields, and a broken row ends where the next line begins."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

LONGEST_FIELD = 1 << 26
MOST_LINES = 10_000
"""Of a row: a quote that is not closed by then is taken as broken, so that it costs the memory of these lines alone."""
QUOTINGS: dict[str, dict[str, Any]] = {
    "standard": {"quotechar": '"', "doublequote": True},
    "backslash": {"quotechar": '"', "doublequote": False, "escapechar": "\\"},
    "single": {"quotechar": "'", "doublequote": True},
    "none": {"quoting": csv.QUOTE_NONE},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the lines of a table are cut into rows and fields."""

    delimiter: str
    """Empty: a line is one field."""
    quoting: str = "standard"
    spaced: bool = False
    """Whether a space behind a delimiter belongs to it."""
    columns: tuple[str, ...] = ()
    before: int = 0
    """Lines before the first row: comments, blank ones and the header."""
    comment: str = ""
    """Beginning of lines that are skipped."""


class Row(NamedTuple):
    """A row and its lines, which count from 1; with a fault there are no fields to trust."""

    first: int
    last: int
    fields: list[str]
    fault: str = ""
    swallowed: bool = False
    """Whether a line inside the row looks like a row of its own."""


class _Lines:
    """Lines that count themselves, remember those of the current row, and take back all but its first."""

    def __init__(self, lines: Iterable[str], before: int) -> None:
        self._lines = iter(lines)
        self._given_back: deque[str] = deque()
        self.number = before
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) == MOST_LINES:
            raise csv.Error(f"the quote is not closed within {MOST_LINES:,} lines")
        line = self._given_back.popleft() if self._given_back else next(self._lines)
        self.number += 1
        self.taken.append(line)
        return line

    def give_back(self) -> None:
        """Take back all lines of the current row but the first."""
        self._given_back.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1
        del self.taken[1:]


def rows(lines: Iterable[str], layout: Layout, width: int) -> Iterator[Row]:
    """Yield the rows of the lines behind ``layout.before`` ones; blank lines and comments are none.

    A row that ends in a wrong place (an open quote, another number of fields than ``width``; 0 takes any) costs its first
    line, and reading goes on with the line after it; of a row that merely has another number of fields, all its lines.
    """
    source = _Lines(_without_comments(lines, layout.comment), layout.before)
    reader = _reader(source, layout)
    while True:
        source.taken.clear()
        fault = ""
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            fields, fault = [], str(error)
        first, taken = source.number - len(source.taken) + 1, source.taken
        if not fault and _is_blank(taken, layout):
            continue
        if not fault and width and len(fields) != width:
            fault = f"{len(fields)} field{'s' if len(fields) != 1 else ''} where the header has {width}"
        fault = fault or _wrong_character(taken, layout)
        swallowed = len(taken) > 1 and width > 1 and any(_is_whole(line, layout, width) for line in taken[1:-1])
        if fault and len(taken) > 1 and (not fields or swallowed):
            source.give_back()
        yield Row(first, source.number, fields, fault, swallowed)


def _reader(source: _Lines, layout: Layout) -> Iterator[list[str]]:
    if not layout.delimiter:
        return ([line.rstrip("\r\n")] for line in source)
    csv.field_size_limit(LONGEST_FIELD)
    quoting = QUOTINGS[layout.quoting]
    return csv.reader(source, delimiter=layout.delimiter, skipinitialspace=layout.spaced, strict=True, **quoting)


def _without_comments(lines: Iterable[str], prefix: str) -> Iterator[str]:
    """Turn comments into blank lines, so that lines still count."""
    return ("\n" if prefix and line.startswith(prefix) else line for line in lines)


def _is_blank(taken: list[str], layout: Layout) -> bool:
    return len(taken) == 1 and not taken[0].strip() and (not layout.delimiter or layout.delimiter not in taken[0])


def _wrong_character(taken: list[str], layout: Layout) -> str:
    if any("\0" in line for line in taken):
        return "a NUL byte, which no text holds"
    if layout.quoting == "backslash" and any(_bare_quote(layout.delimiter).search(line) for line in taken):
        return "a quote inside a field without a backslash before it"  # Python's reader would leave it out
    return ""


@lru_cache
def _bare_quote(delimiter: str) -> re.Pattern[str]:
    d = re.escape(delimiter)
    return re.compile(rf'(?<!^)(?<!{d})(?<!{d} )(?<!\\)"(?!{d}|[\r\n]|$)')


def _is_whole(line: str, layout: Layout, width: int) -> bool:
    return line.count(layout.delimiter) == width - 1
