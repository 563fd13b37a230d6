"""The rows in use: the first ones of each split, near duplicates of held-out rows settled on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from headtohead.config.data import DataConfig
from headtohead.data.splits.leakage import QUOTED, Parts, refuse_if_asked
from headtohead.data.splits.near_duplicates import Hit, Search
from headtohead.data.splits.row_selection import Part
from headtohead.data.words import Words


def take_subsets(config: DataConfig, parts: Parts, words: Words, cache: Path) -> tuple[Parts, dict[str, Any]]:
    """Cut every split to its ``data.subset`` size; ordered parts in, so subsets are nested and in proportion.

    Validation is compared with the test sets and training with both. A dropped near duplicate is replaced by the next
    row, so that a subset still has the size asked for.

    Raises:
        UserError: near duplicates, and ``data.leakage`` is refuse.
    """
    limits = {"train": config.subset.train, "validation": config.subset.validation}
    firsts = {name: _first(part, limits.get(name, config.subset.test)) for name, part in parts.items()}
    if not config.near_duplicates.enabled:
        return firsts, {"enabled": False}
    search = Search(config.near_duplicates.threshold, words, cache)
    tests = {name: part for name, part in firsts.items() if name not in limits}
    validation, val_leaks = _clean(config, "validation", parts["validation"], limits["validation"], tests, search)
    held_out = {"validation": validation, **tests}
    train, train_leaks = _clean(config, "train", parts["train"], limits["train"], held_out, search)
    leaks = [*train_leaks, *val_leaks]
    refuse_if_asked(config, leaks, "almost word for word")
    ledger: dict[str, Any] = {"enabled": True, "threshold": config.near_duplicates.threshold, "across": leaks}
    if config.near_duplicates.within_train:
        hits = search.within(train)
        ledger["within_train"] = _account("train", "train", hits, train, train)
    return {"train": train, "validation": validation, **tests}, ledger


def _first(part: Part, limit: int | None) -> Part:
    return part.take(np.arange(len(part))[:limit])


def _clean(
    config: DataConfig, split: str, part: Part, limit: int | None, held_out: Parts, search: Search
) -> tuple[Part, list[dict[str, Any]]]:
    """Return the first ``limit`` rows that may stay, and what was found."""
    enough = limit if limit is not None else len(part)
    dropping = config.leakage == "drop"
    seen = part if dropping else _first(part, limit)
    hits = search.across(seen, held_out, enough)
    leaks = [
        _account(split, name, [hit for hit in hits if hit.held_out == name], part, held_out[name]) for name in held_out
    ]
    if dropping:
        keep = np.ones(len(part), dtype=bool)
        keep[[hit.position for hit in hits]] = False
        seen = _first(part.take(keep), limit)
    return seen, [leak for leak in leaks if leak["rows"]]


def _account(split: str, held_out: str, hits: list[Hit], part: Part, other: Part) -> dict[str, Any]:
    examples = [[part.row_id(hit.position), other.row_id(hit.partner), hit.similarity] for hit in hits[:QUOTED]]
    return {"split": split, "held_out": held_out, "rows": len(hits), "examples": examples}
