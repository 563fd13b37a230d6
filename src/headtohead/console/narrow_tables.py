"""Tables for a terminal of eighty columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.markup import render
from rich.table import Column, Table

NAME, WORD = 8, 9
"""Least characters of a line of the first column's words, which are names and folded anywhere, and of others ("undecided")."""
HEADING = 10
"""Characters of a line of a heading over numbers."""


def print_table(console: Console, table: Table) -> None:
    """Print a table; where a terminal is too narrow for it, the terminal breaks its lines, and no digit is cut."""
    for column in table.columns:
        if column.no_wrap:
            column.min_width = max(cell_len(line) for cell in _texts(column) for line in cell.split("\n"))
    width, edges = console.width, 2 * len(table.columns)  # two spaces between columns, one at either side
    console.width = max(width, sum(column.min_width or 1 for column in table.columns) + edges)
    try:
        console.print(table)
    finally:
        console.width = width


def _texts(column: Column) -> list[str]:
    return [render(str(cell)).plain for cell in (column.header, *column.cells)]


def narrow_table(title: str, columns: Sequence[str], *, left: Sequence[str] = ()) -> Table:
    """Return a table without side lines, whose headings break at spaces; words are folded before any number is.

    Args:
        title: above it.
        columns: their headings.
        left: the headings of those with words; numbers stand to the right.
    """
    table = Table(title=title, title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD)
    table.pad_edge, table.collapse_padding = False, True
    for name in columns:
        is_number = name not in left
        heading = "\n".join(textwrap.wrap(name, HEADING, break_long_words=False)) if is_number else name
        table.add_column(
            heading,
            justify="right" if is_number else "left",
            no_wrap=is_number,
            overflow="fold",
            min_width=None if is_number else NAME if name == columns[0] else WORD,
        )
    return table
