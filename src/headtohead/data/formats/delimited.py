"""Lines of a table become rows of fields, and a broken row ends where the next line begins."""

from __future__ import annotations

import csv
import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

LONGEST_FIELD = 1 << 26
CHUNK_LINES = 1000
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
    lines: tuple[str, ...] = ()
    """Where it has several."""


def rows(lines: Iterable[str], layout: Layout, width: int) -> Iterator[Row]:
    """Yield the rows of the lines behind ``layout.before`` ones; blank lines and comments are none.

    A row that ends in a wrong place (an open quote, another number of fields than ``width``; 0 takes any) costs its first
    line, and reading goes on with the line after it; of a row that merely has another number of fields, all its lines.
    """
    source = _without_comments(lines, layout.comment) if layout.comment else iter(lines)
    held: list[str] = []
    before, is_last = layout.before, False
    while not is_last:
        fresh = list(islice(source, CHUNK_LINES))
        is_last = len(fresh) < CHUNK_LINES
        held += fresh
        used, needs_more = 0, False
        while used < len(held) and not needs_more:
            used, needs_more = yield from _until_broken(held, used, before, layout, width, is_last)
        del held[:used]
        before += used


def _until_broken(
    lines: list[str], start: int, before: int, layout: Layout, width: int, is_last: bool
) -> Generator[Row, None, tuple[int, bool]]:
    """Yield rows up to one that ends in a wrong place; return where to go on, and whether that needs further lines."""
    reader = _reader(islice(lines, start, None), layout)
    used = start
    while True:
        fields, fault = list[str](), ""
        try:
            fields = next(reader)
        except StopIteration:
            return len(lines), True
        except csv.Error as error:
            fault = _words(error)
        end = start + reader.line_num
        if fault and end == len(lines) and not is_last and end - used < MOST_LINES:
            return used, True
        if not fault and len(fields) < 2 and _is_blank(lines[used:end], layout):
            used = end
            continue
        row = _row(lines[used:end], before + used + 1, fields, fault, layout, width)
        yield row
        if row.fault and row.last < before + end:
            return used + 1, False
        used = end


def _row(taken: list[str], first: int, fields: list[str], fault: str, layout: Layout, width: int) -> Row:
    if not fault and width and len(fields) != width:
        fault = f"{len(fields)} field{'s' if len(fields) != 1 else ''} where the header has {width}"
    fault = fault or _wrong_character(taken, layout)
    if len(taken) == 1:
        return Row(first, first, fields, fault)
    swallowed = width > 1 and any(line.count(layout.delimiter) == width - 1 for line in taken[1:-1])
    is_open = bool(fault) and (not fields or swallowed)
    return Row(first, first if is_open else first + len(taken) - 1, fields, fault, tuple(taken))


class _Lines:
    """The reader of a table without delimiter: a line is a field."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.line_num = 0

    def __next__(self) -> list[str]:
        line = next(self._lines)
        self.line_num += 1
        return [line.rstrip("\r\n")]


def _reader(lines: Iterable[str], layout: Layout) -> Any:
    if not layout.delimiter:
        return _Lines(lines)
    csv.field_size_limit(LONGEST_FIELD)
    quoting = QUOTINGS[layout.quoting]
    return csv.reader(lines, delimiter=layout.delimiter, skipinitialspace=layout.spaced, strict=True, **quoting)


def _without_comments(lines: Iterable[str], prefix: str) -> Iterator[str]:
    """Turn comments into blank lines, so that lines still count."""
    return ("\n" if line.startswith(prefix) else line for line in lines)


def _is_blank(taken: list[str], layout: Layout) -> bool:
    return len(taken) == 1 and not taken[0].strip() and (not layout.delimiter or layout.delimiter not in taken[0])


def _words(error: csv.Error) -> str:
    """Return what Python's reader found, in words, with the way out that is open for every table."""
    said = str(error)
    if said == "unexpected end of data":
        said = "a quote is opened and not closed"
    elif "expected after" in said:
        said = "text follows a closing quote"
    return f"{said} (data.dialect.quoting=none, if quotes are plain characters)"


def _wrong_character(taken: list[str], layout: Layout) -> str:
    if "\0" in taken[0] or any("\0" in line for line in taken[1:]):
        return "a NUL byte, which no text holds"
    if layout.quoting == "backslash" and any(_bare_quote(layout.delimiter).search(line) for line in taken):
        return "a quote inside a field without a backslash before it"  # Python's reader would leave it out
    return ""


@lru_cache
def _bare_quote(delimiter: str) -> re.Pattern[str]:
    d = re.escape(delimiter)
    return re.compile(rf'(?<!^)(?<!{d})(?<!{d} )(?<!\\)"(?!{d}|[\r\n]|$)')
