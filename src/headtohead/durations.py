"""Seconds in the words of a person who is told how long something takes."""

from __future__ import annotations


def in_words(seconds: float) -> str:
    """Return a time in the unit that a person would name it in, such as ``about 4 minutes``."""
    if seconds < 90:
        whole = max(1, round(seconds))
        return f"about {whole} second{'s' if whole > 1 else ''}"
    return f"about {round(seconds / 60)} minutes" if seconds < 5400 else f"about {seconds / 3600:.1f} hours"
