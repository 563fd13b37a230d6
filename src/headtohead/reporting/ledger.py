"""What the data's ledger found, in sentences: repeated texts, contradicting labels, leaks, near duplicates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headtohead.reporting.numbers import count

Line = tuple[str, str, str]
"""What was looked for, what was found, what was done."""


def ledger_lines(data: dict[str, Any]) -> list[Line]:
    """Return the ledger's lines; sections a record lacks are left out."""
    return [*_repeats(data.get("duplicates") or {}), *_leaks(data.get("leakage") or {}), *_near(data)]


def _repeats(entry: dict[str, Any]) -> Iterator[Line]:
    done = {"drop": "one of each kept"}.get(entry.get("policy", ""), "kept")
    for split, found in (entry.get("within") or {}).items():
        yield f"texts repeated in the {split} file", _rows(found.get("rows", 0)), done if found.get("rows") else ""
    for split, found in (entry.get("conflicting") or {}).items():
        if found.get("rows"):
            texts = f"{_rows(found['rows'])} of {count(found.get('texts'))} texts"
            yield f"equal texts with different labels in the {split} file", texts, "kept"


def _leaks(entry: dict[str, Any]) -> Iterator[Line]:
    if not entry:
        return
    if not entry.get("across"):
        yield "texts shared between splits", "none", ""
    yield from _across(entry.get("across") or [], "texts that also stand in", entry.get("policy"))
    for pair, rows in (entry.get("groups") or {}).items():
        if rows:
            yield f"rows that share a group across {pair}", _rows(rows), "kept, only reported"


def _near(data: dict[str, Any]) -> Iterator[Line]:
    entry = data.get("near_duplicates") or {}
    if not entry:
        return
    if not entry.get("enabled"):
        yield "nearly equal texts", "not looked for", ""
        return
    if not entry.get("across"):
        yield "nearly equal texts across splits", "none", ""
    policy = (data.get("leakage") or {}).get("policy")
    yield from _across(entry.get("across") or [], "texts nearly equal to one in", policy)
    if within := entry.get("within_train"):
        yield "nearly equal texts inside train", _rows(within.get("rows", 0)), "kept, only reported"


def _across(leaks: list[dict[str, Any]], what: str, policy: str | None) -> Iterator[Line]:
    for leak in leaks:
        done = f"dropped from {leak.get('split')}" if policy == "drop" else "kept, only reported"
        yield f"{leak.get('split')} {what} {leak.get('held_out')}", _rows(leak.get("rows", 0)), done


def _rows(rows: int) -> str:
    return "none" if not rows else "1 row" if rows == 1 else f"{count(rows)} rows"
