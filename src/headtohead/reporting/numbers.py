"""How numbers and metrics are written: one style for the whole page."""

from __future__ import annotations

from typing import Any

from headtohead.errors import some_of
from headtohead.evaluation.metric_table import METRICS

NONE = "–"

SYSTEM_NAMES = {
    "run": "This run",
    "tfidf": "TF-IDF",
    "tfidf_truncated": "TF-IDF, truncated text",
    "majority": "Majority class",
}


def metric_name(name: str) -> str:
    """Return a metric's name as a reader knows it."""
    return METRICS[name].title if name in METRICS else name.replace("_", " ").capitalize()


def system_name(name: str, is_score: bool = False) -> str:
    """Return the name of the run or of a baseline; where answers are scores there is no majority class."""
    if is_score and name == "majority":
        return "Constant answer"
    return SYSTEM_NAMES.get(name, name.replace("_", " "))


def number(value: float | None) -> str:
    """Write a metric: three decimals, no zero before the point."""
    if value is None:
        return NONE
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    text = f"{abs(value):.3f}".removeprefix("0")
    return f"−{text}" if value < 0 and float(text) else text


def interval(entry: dict[str, float | None] | None) -> str:
    """Write ``[low, high]``, or nothing where there is none."""
    if not entry or entry.get("low") is None or entry.get("high") is None:
        return ""
    return f"[{number(entry['low'])}, {number(entry['high'])}]"


def with_interval(entry: dict[str, float | None]) -> str:
    """Write ``.950 [.930, .970]``."""
    return f"{number(entry.get('value'))} {interval(entry)}".strip()


def percent(share: float) -> str:
    """Write a share as per cent, with one decimal below ten."""
    return f"{100 * share:.1f} %" if 0 < share < 0.1 else f"{100 * share:.0f} %"


def count(value: float | None) -> str:
    """Write a whole number with thin spaces, or in millions from ten million on."""
    if value is None:
        return NONE
    if value >= 10_000_000:
        return f"{value / 1e6:,.0f} M".replace(",", "\u202f")
    return f"{value:,.0f}".replace(",", "\u202f")


def seconds(value: float | None) -> str:
    """Write a duration in the unit a reader would use."""
    if value is None:
        return NONE
    if value < 10:
        return f"{value:.1f}\N{NO-BREAK SPACE}s"
    if value < 600:
        return f"{value:.0f}\N{NO-BREAK SPACE}s"
    if value < 7200:
        return f"{value / 60:.0f}\N{NO-BREAK SPACE}min"
    return f"{value / 3600:.1f}\N{NO-BREAK SPACE}h"


def memory(value: float | None) -> str:
    """Write bytes as gigabytes or megabytes."""
    if value is None:
        return NONE
    return f"{value / 1e9:.1f} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"


def plain(value: Any) -> str:
    """Write any JSON value of a record on one line."""
    match value:
        case None:
            return NONE
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.6g}"
        case int():
            return count(value) if abs(value) >= 10_000 else str(value)
        case list():
            return some_of(map(plain, value)) or NONE
        case dict():
            return some_of(f"{key}: {plain(item)}" for key, item in value.items()) or NONE
        case _:
            return str(value)
