"""Nearly equal texts: MinHash signatures of held-out rows are indexed, other rows are streamed past them.

Similarity is Jaccard's, of the sets of runs of five words (Broder 1997), or of what stands for words in text without
spaces; what the index proposes is checked exactly.
"""

from __future__ import annotations

import hashlib
import json
import logging
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt64

from headtohead import atomic
from headtohead.data.splits.row_selection import Part
from headtohead.data.text import comparable
from headtohead.data.words import LONGEST_RUN, Words
from headtohead.sources import locked

log = logging.getLogger(__name__)

PERMUTATIONS = 128
FACTORS = np.array([0x9E3779B97F4A7C15 * (2 * k + 1) % 2**64 for k in range(LONGEST_RUN)], dtype=np.uint64)
SLOW = 5_000


@dataclass(frozen=True, slots=True)
class Hit:
    """A row, by its position in its part, and the held-out row that is nearly equal to it."""

    position: int
    held_out: str
    partner: int
    similarity: float


@dataclass(frozen=True, slots=True)
class Search:
    """A search for near duplicates.

    Args:
        threshold: Jaccard similarity from which two texts are nearly equal.
        words: what runs are made of.
        cache: the cache folder; the same question is answered once.
    """

    threshold: float
    words: Words
    cache: Path

    def across(self, part: Part, held_out: dict[str, Part], enough: int) -> list[Hit]:
        """Return the first near duplicate among held-out rows of each row that has one, in order.

        Args:
            part: rows to check, in order.
            held_out: rows to check against.
            enough: stop once so many rows without a near duplicate have been seen.
        """
        how = [self.threshold, enough, self.words.run, self.words.kind, self.words.unspaced, PERMUTATIONS]
        key = hashlib.sha256(json.dumps([sorted(held_out), *how]).encode())
        for rows in (part, *(held_out[name] for name in sorted(held_out))):
            key.update(f"{len(rows)}\n".encode() + rows.content.tobytes())
        answer = self.cache / "near_duplicates" / f"{key.hexdigest()[:20]}.json"
        with locked(self.cache, f"near-{answer.stem}"):
            atomic.settle(answer)
            if not answer.exists():
                if len(part) > SLOW:
                    log.info("comparing %d texts with held-out ones, once (data.near_duplicates.enabled)", len(part))
                hits = list(self._hits(part, held_out, enough))
                atomic.write_json(answer, [[hit.position, hit.held_out, hit.partner, hit.similarity] for hit in hits])
        return [Hit(*stored) for stored in json.loads(answer.read_text(encoding="utf-8"))]

    def within(self, part: Part) -> list[Hit]:
        """Return, for each row that has one, an earlier row that is nearly equal; holds all signatures in memory."""
        index = _Index(self.threshold, self.words)
        hits = []
        for position in range(len(part)):
            runs = runs_of(part.text_at(position), self.words)
            found = index.best(runs)
            if found:
                hits.append(Hit(position, *found))
            index.add("", position, part, runs)
        return hits

    def _hits(self, part: Part, held_out: dict[str, Part], enough: int) -> Iterator[Hit]:
        index = _Index(self.threshold, self.words)
        for name, rows in held_out.items():
            for position in range(len(rows)):
                index.add(name, position, rows, runs_of(rows.text_at(position), self.words))
        clean = 0
        for position in range(len(part)):
            if clean == enough:
                return
            found = index.best(runs_of(part.text_at(position), self.words))
            if found:
                yield Hit(position, *found)
            else:
                clean += 1


class _Index:
    """Signatures of rows, and where their texts are."""

    def __init__(self, threshold: float, words: Words) -> None:
        from datasketch import MinHashLSH

        self._threshold, self._words = threshold, words
        # A lower threshold in the index than in the answer: few pairs are missed, and all are checked exactly.
        self._lsh = MinHashLSH(threshold=max(threshold - 0.1, 0.1), num_perm=PERMUTATIONS)
        self._rows: list[tuple[str, int, Part]] = []

    def add(self, name: str, position: int, part: Part, runs: UInt64[np.ndarray, " runs"]) -> None:
        self._lsh.insert(len(self._rows), _signature(runs), check_duplication=False)
        self._rows.append((name, position, part))

    def best(self, runs: UInt64[np.ndarray, " runs"]) -> tuple[str, int, float] | None:
        """Return name, position and similarity of the most similar row above the threshold."""
        found = []
        for key in self._lsh.query(_signature(runs)):
            name, position, part = self._rows[key]
            similarity = _jaccard(runs, runs_of(part.text_at(position), self._words))
            if similarity >= self._threshold:
                found.append((-similarity, key, name, position))
        if not found:
            return None
        negative, _, name, position = min(found)
        return name, position, round(-negative, 4)


def runs_of(text: str, words: Words) -> UInt64[np.ndarray, " runs"]:
    """Return the distinct hashes of all runs of so many words; of a shorter text, the hash of all its words."""
    hashes = np.array([zlib.crc32(word.encode()) for word in words.split(comparable(text))], dtype=np.uint64)
    length = min(words.run, len(hashes))
    windows = np.lib.stride_tricks.sliding_window_view(hashes, length)
    return np.unique((windows * FACTORS[:length]).sum(axis=1, dtype=np.uint64))


def _signature(runs: UInt64[np.ndarray, " runs"]) -> Any:
    from datasketch import MinHash

    signature = MinHash(num_perm=PERMUTATIONS, hashfunc=int)
    signature.update_batch((runs >> np.uint64(32)).tolist())
    return signature


def _jaccard(first: UInt64[np.ndarray, " ones"], second: UInt64[np.ndarray, " others"]) -> float:
    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared / (len(first) + len(second) - shared)
