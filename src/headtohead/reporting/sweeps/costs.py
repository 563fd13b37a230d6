"""Kinds of cost, as a reader knows them."""

from __future__ import annotations

from collections.abc import Callable

from headtohead.reporting.numbers import count, memory, seconds

Writer = Callable[[float | None], str]

KINDS: dict[str, tuple[str, Writer, float]] = {
    "train_seconds": ("Training time, s", seconds, 1.0),
    "train_tokens": ("Training tokens", count, 1.0),
    "peak_memory_bytes": ("Peak memory, GB", memory, 1e9),
    "trainable_parameters": ("Trained weights", count, 1.0),
    "seconds_per_1000_rows": ("Answering 1,000 rows, s", seconds, 1.0),
}
"""Name of an axis with its unit, how one value is written, and by what the axis divides."""


def kind_of(name: str) -> tuple[str, Writer, float]:
    """Return title, writer and divisor of a kind of cost."""
    return KINDS.get(name, (name.replace("_", " ").capitalize(), count, 1.0))


def short_name(name: str) -> str:
    """Return a kind of cost without the unit, for prose and table headings."""
    return kind_of(name)[0].partition(",")[0] if name != "seconds_per_1000_rows" else "Answering 1,000 rows"
