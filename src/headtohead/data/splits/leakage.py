"""Texts that training shares with held-out rows, and what ``data.leakage`` does about them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np

from headtohead.config.data import DataConfig
from headtohead.data.splits import duplicates
from headtohead.data.splits.row_selection import Part
from headtohead.errors import UserError
from headtohead.notices import Notice

log = logging.getLogger(__name__)

QUOTED = duplicates.QUOTED
MANY = 0.05
"""Share of a split's rows from which its leaks lead the page."""
Parts = dict[str, Part]


def held_out_pairs(parts: Parts) -> list[tuple[str, str]]:
    """Return which split must share no text with which: training with all others, validation with every test set."""
    tests = [name for name in parts if name not in ("train", "validation")]
    return [("train", name) for name in ("validation", *tests)] + [("validation", name) for name in tests]


def settle_exact(config: DataConfig, parts: Parts) -> tuple[Parts, dict[str, Any]]:
    """Find equal texts across splits and refuse, drop (never from a test set) or report.

    Raises:
        UserError: there are some and ``data.leakage`` is refuse.
    """
    found = [
        {"split": split, "held_out": held_out, **duplicates.across(parts[split], parts[held_out])}
        for split, held_out in held_out_pairs(parts)
    ]
    leaks = [leak for leak in found if leak["rows"]]
    groups = {} if config.group is None else _straddling_groups(parts)
    refuse_if_asked(config, leaks, "exactly")
    if config.leakage == "drop":
        parts = _without_leaks(parts)
    return parts, {"across": leaks, "groups": groups}


def refuse_if_asked(config: DataConfig, leaks: list[dict[str, Any]], how: str) -> None:
    """Raise on leaks under ``data.leakage=refuse``, else say so in the log.

    Raises:
        UserError: quotes the first pair of each leak.
    """
    if not leaks:
        return
    lines = [
        f"{leak['rows']:,} rows of {leak['split']} stand {how} in {leak['held_out']}, "
        f"such as {leak['examples'][0][0]} = {leak['examples'][0][1]}"
        for leak in leaks
    ]
    if config.leakage == "refuse":
        listed = "".join(f"\n    {line}" for line in lines)
        raise UserError(
            f"{config.name or 'data'}: the splits leak:{listed}\n"
            "Set data.leakage=drop to take such rows out of training (never out of a test set), or report to keep them."
        )
    for line in lines:
        log.info("%s (data.leakage=%s)", line, config.leakage)


def of_leaks(ledger: dict[str, Any], policy: str) -> Iterator[Notice]:
    """Yield what was done about texts that splits share; many lead the page."""
    ways = (("leakage", "equal", ""), ("near_duplicates", "nearly equal", "data.near_duplicates.enabled=false"))
    for key, how, line in ways:
        for leak in ledger[key].get("across", []):
            split, left = leak["split"], ledger["rows"][leak["split"]]
            done = f"left out of {split}, where {left:,} are left" if policy == "drop" else "kept (data.leakage=report)"
            rows = f"{leak['rows']:,} rows of {split} are" if leak["rows"] > 1 else f"1 row of {split} is"
            example = " and ".join(leak["examples"][0][:2])
            yield Notice(
                text=f"{rows} {how} to rows of {leak['held_out']}, such as {example}, and {done}"
                f"{'. If they are no copies:' if line else ''}",
                command=line,
                leads=leak["rows"] > MANY * (left + leak["rows"]),
            )


def _straddling_groups(parts: Parts) -> dict[str, int]:
    """Return how many rows share their group with a held-out row: only reported, since given splits are given."""
    pairs = held_out_pairs(parts)
    return {f"{one} / {other}": int(np.isin(parts[one].group, parts[other].group).sum()) for one, other in pairs}


def _without_leaks(parts: Parts) -> Parts:
    kept = dict(parts)
    for split in ("validation", "train"):
        against = [held_out for first, held_out in held_out_pairs(parts) if first == split]
        texts = [parts[name].text for name in against]
        if texts:
            kept[split] = parts[split].take(~np.isin(parts[split].text, np.concatenate(texts)))
    return kept
