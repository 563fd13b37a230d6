"""Which rows are training, validation and test. Arrays in, row numbers out; knows no text.

A *unit* is a set of rows that must stay together: equal texts, and equal groups. Units are dealt out like cards from a
deck sorted by stratum, so every stratum is spread evenly; their order inside a stratum follows from a hash of the text
and the seed, not from the order of the file.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int, Num, UInt64

from headtohead.errors import UserError

Rows = Int[np.ndarray, " _"]
"""Row numbers; " _" is any length."""
SCORE_BINS = 10


def shuffled(keys: UInt64[np.ndarray, " rows"], *salt: int) -> UInt64[np.ndarray, " rows"]:
    """Return a pseudo-random number per key (SplitMix64): the same for the same key and salt on any machine."""
    mixed = np.asarray(keys, dtype=np.uint64)
    for number in (0, *salt):
        mixed = mixed + np.uint64(number % 2**64) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed = mixed ^ (mixed >> np.uint64(31))
    return mixed


def strata_of(labels: Num[np.ndarray, "rows ..."], kind: str) -> Int[np.ndarray, " rows"]:
    """Return the stratum of each row: its label, its rarest label (multi; -1 for none), or its tenth of the scores."""
    if kind == "multi":
        frequency = labels.sum(axis=0)
        rarity = np.where(labels > 0, -frequency.astype(np.int64), -np.iinfo(np.int64).max)
        return np.where(labels.any(axis=1), rarity.argmax(axis=1), -1)
    if kind == "real":
        edges = np.quantile(labels, np.linspace(0, 1, SCORE_BINS + 1)[1:-1])
        return np.asarray(np.searchsorted(np.unique(edges), labels, side="right"), dtype=np.int64)
    return labels.astype(np.int64)


def units_of(text: UInt64[np.ndarray, " rows"], group: UInt64[np.ndarray, " rows"]) -> Int[np.ndarray, " rows"]:
    """Return the unit of each row: rows are joined by equal texts and by equal groups, also through other rows."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    texts, groups = (np.unique(keys, return_inverse=True)[1] for keys in (text, group))
    count = int(texts.max(initial=-1)) + 1
    size = count + int(groups.max(initial=-1)) + 1
    edges = coo_array((np.ones(len(texts), dtype=np.int8), (texts, groups + count)), shape=(size, size))
    _, component = connected_components(edges, directed=False)
    return np.asarray(component[texts], dtype=np.int64)


def nested_order(strata: Int[np.ndarray, " rows"], text: UInt64[np.ndarray, " rows"], seed: int) -> Rows:
    """Return an order of rows in which every first n rows hold the strata in proportion."""
    random = shuffled(text, seed, 1)
    rank, count = _rank_within(strata, random)
    return np.lexsort((random, (rank + 0.5) / count))


def balanced_rows(
    strata: Int[np.ndarray, " rows"], text: UInt64[np.ndarray, " rows"], per_class: int, seed: int
) -> Rows:
    """Return the rows of a balanced sample, ``per_class`` of every stratum; larger samples contain smaller ones.

    Raises:
        UserError: a stratum has fewer rows.
    """
    rank, count = _rank_within(strata, shuffled(text, seed, 2))
    if count.min() < per_class:
        raise UserError(
            f"data.subset.per_class={per_class}: the smallest label has {int(count.min())} rows; "
            f"set data.subset.per_class={int(count.min())} or lower"
        )
    return np.flatnonzero(rank < per_class)


class Deck:
    """Units sorted by stratum and size, to be shuffled inside those and dealt out.

    Args:
        units: unit of each row.
        strata: stratum of each row; a unit of several counts for the rarest.
        text: key of each row's text; the smallest of a unit identifies it, whatever the order of the rows.
    """

    def __init__(
        self, units: Int[np.ndarray, " rows"], strata: Int[np.ndarray, " rows"], text: UInt64[np.ndarray, " rows"]
    ) -> None:
        self._of_rows = (units, strata, text)
        _, self._unit = np.unique(units, return_inverse=True)
        self._size = np.bincount(self._unit)
        self._key = np.full(len(self._size), np.iinfo(np.uint64).max, dtype=np.uint64)
        np.minimum.at(self._key, self._unit, np.asarray(text, dtype=np.uint64))
        _, stratum, count = np.unique(strata, return_inverse=True, return_counts=True)
        rarity = np.argsort(np.argsort(count, kind="stable"))  # 0 for the rarest
        self._stratum = np.full(len(self._size), len(count))
        np.minimum.at(self._stratum, self._unit, rarity[stratum])

    def only(self, rows: Rows) -> Deck:
        """Return the deck of some of the rows."""
        units, strata, text = self._of_rows
        return Deck(units[rows], strata[rows], text[rows])

    def units_per_stratum(self) -> dict[int, int]:
        """Return in how many units each stratum occurs."""
        _, strata, _ = self._of_rows
        pairs = np.unique(np.stack([strata, self._unit], axis=1), axis=0)
        values, count = np.unique(pairs[:, 0], return_counts=True)
        return dict(zip(values.tolist(), count.tolist(), strict=True))

    def cut(self, fractions: list[float], salt: tuple[int, ...]) -> list[Rows]:
        """Cut the rows into ``fractions`` and a rest.

        Every stratum gives its share of units within one, and at least one to each.

        Returns:
            One array of row numbers per fraction, then the rest.
        """
        order = self._order(salt)
        taken = np.full(len(order), len(fractions))
        left = 1.0
        for position, fraction in enumerate(fractions):
            free = np.flatnonzero(taken == len(fractions))
            taken[free[_spread(self._stratum[order][free], fraction / left)]] = position
            left -= fraction
        return [self._rows(order[taken == position]) for position in range(len(fractions) + 1)]

    def fold(self, folds: int, fold: int, salt: tuple[int, ...]) -> tuple[Rows, Rows]:
        """Return the rows of one fold and the others; the folds of one salt are disjoint and cover all rows."""
        order = self._order(salt)
        inside = np.arange(len(order)) % folds == fold
        return self._rows(order[inside]), self._rows(order[~inside])

    def _order(self, salt: tuple[int, ...]) -> Int[np.ndarray, " units"]:
        return np.lexsort((shuffled(self._key, *salt), self._size, self._stratum))

    def _rows(self, units: Int[np.ndarray, " units"]) -> Rows:
        member = np.zeros(len(self._size), dtype=bool)
        member[units] = True
        return np.flatnonzero(member[self._unit])


def _spread(strata: Int[np.ndarray, " units"], fraction: float) -> Int[np.ndarray, " chosen"]:
    """Return evenly spread positions: ``fraction`` of each stratum, within one of exact, at least one.

    Args:
        strata: sorted.
        fraction: of the total, which is met as exactly as rounding allows.
    """
    _, start, count = np.unique(strata, return_index=True, return_counts=True)
    exact = count * fraction
    quota = np.maximum(np.floor(exact), 1).astype(int)
    missing = round(len(strata) * fraction) - int(quota.sum())
    if missing > 0:
        quota[np.argsort(quota - exact, kind="stable")[:missing]] += 1
    return np.concatenate(
        [
            first + ((np.arange(take) + 0.5) * many / take).astype(int)
            for first, many, take in zip(start, count, quota, strict=True)
        ]
    )


def _rank_within(
    strata: Int[np.ndarray, " rows"], random: UInt64[np.ndarray, " rows"]
) -> tuple[Int[np.ndarray, " rows"], Int[np.ndarray, " rows"]]:
    """Return each row's place inside its stratum in random order, and the size of its stratum."""
    order = np.lexsort((random, strata))
    _, inverse, count = np.unique(strata, return_inverse=True, return_counts=True)
    start = np.concatenate([[0], np.cumsum(count)[:-1]])
    rank = np.empty(len(strata), dtype=np.int64)
    rank[order] = np.arange(len(strata)) - start[inverse[order]]
    return rank, count[inverse]
