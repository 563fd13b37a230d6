"""Equal texts inside splits and across them: found, written into the ledger, and taken out where asked."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Shaped

from headtohead.data.splits.row_selection import Part
from headtohead.labels import LabelSpace

QUOTED = 10


def within(part: Part) -> dict[str, Any]:
    """Return how many rows repeat an earlier text of their split, and pairs of row ids."""
    repeats, first = _repeats(part.text)
    pairs = [[part.row_id(int(first[row])), part.row_id(int(row))] for row in np.flatnonzero(repeats)[:QUOTED]]
    return {"rows": int(repeats.sum()), "examples": pairs}


def across(part: Part, held_out: Part) -> dict[str, Any]:
    """Return how many rows of a part have their text in another, and pairs of row ids."""
    rows = np.flatnonzero(np.isin(part.text, held_out.text))
    other = held_out.text
    order = np.argsort(other, kind="stable")
    quoted = rows[:QUOTED]
    partner = order[np.searchsorted(other, part.text[quoted], sorter=order)]
    pairs = [[part.row_id(int(row)), held_out.row_id(int(match))] for row, match in zip(quoted, partner, strict=True)]
    return {"rows": len(rows), "examples": pairs}


def conflicts(part: Part, labels: LabelSpace) -> dict[str, Any]:
    """Return the rows whose equal texts carry another label."""
    answers = _answer_keys(part)
    _, inverse, count = np.unique(part.text, return_inverse=True, return_counts=True)
    repeated = np.flatnonzero(count[inverse] > 1)
    answer = answers[repeated]
    low, high = np.full(len(count), len(part)), np.full(len(count), -1)
    np.minimum.at(low, inverse[repeated], answer)
    np.maximum.at(high, inverse[repeated], answer)
    texts = np.flatnonzero(high > low)
    rows = repeated[np.isin(inverse[repeated], texts)]
    members = [rows[inverse[rows] == text].tolist() for text in texts[:QUOTED]]
    examples = [
        {"rows": [part.row_id(row) for row in group], "labels": [spoken(part, row, labels) for row in group]}
        for group in members
    ]
    return {"texts": len(texts), "rows": len(rows), "examples": examples}


def spoken(part: Part, position: int, labels: LabelSpace) -> str | list[str] | float:
    """Return the label of a row as a person would say it."""
    label = part.label(position)
    match labels.kind:
        case "multi":
            return [name for name, present in zip(labels.names, label, strict=True) if present]
        case "real":
            return float(label)
        case _:
            return labels.names[int(label)]


def first_of_equals(part: Part) -> Bool[np.ndarray, " rows"]:
    """Return a mask that keeps one row of each text and label."""
    keys = np.stack([part.text, _answer_keys(part).astype(np.uint64)], axis=1)
    _, first = np.unique(keys, axis=0, return_index=True)
    keep = np.zeros(len(part), dtype=bool)
    keep[first] = True
    return keep


def _repeats(keys: Shaped[np.ndarray, " rows"]) -> tuple[Bool[np.ndarray, " rows"], Shaped[np.ndarray, " rows"]]:
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return first[inverse] != np.arange(len(keys)), first[inverse]


def _answer_keys(part: Part) -> Shaped[np.ndarray, " rows"]:
    return np.unique(part.labels, axis=0, return_inverse=True)[1].reshape(-1)
