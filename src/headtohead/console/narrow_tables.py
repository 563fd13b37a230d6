"""Tables for a terminal of eighty columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich import box
from rich.table import Table

HEADING = 10
"""Characters of a line of a heading over numbers."""


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
            min_width=9 * (not is_number),
        )
    return table
