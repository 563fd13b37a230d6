"""The drawing library of a sweep's pages: one file in the sweep's folder, which the pages of its runs load from there."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from headtohead import atomic

LEVELS = 6
"""Folders between a run and its sweep at most: arm, tuning, fold, trial, seed."""


@cache
def drawing_script() -> str:
    """Return the source of the drawing library, 4.8 MB."""
    from plotly.offline import get_plotlyjs

    script: str = get_plotlyjs()
    return script


def put_script(sweep: Path) -> None:
    """Write the drawing library into a sweep's folder, unless it lies there whole; the sweep's lock must be held.

    Pages that are written below that folder afterwards load it; earlier ones of another version keep theirs.
    """
    path = sweep / _name()
    atomic.settle(path)
    if not path.is_file() or path.stat().st_size != len(drawing_script().encode()):
        atomic.write_text(path, drawing_script())


def script_above(folder: Path) -> str | None:
    """Return where a page in a folder finds the drawing library, relative to itself; None where no sweep has put it."""
    for level, parent in enumerate(folder.absolute().parents[:LEVELS], start=1):
        if (parent / _name()).is_file():
            return "../" * level + _name()
    return None


def _name() -> str:
    from plotly import __version__

    return f"plotly-{__version__}.min.js"
