"""Nearly equal texts: MinHash signatures of held-out rows are indexed, other rows are streamed past them.

Similarity is Jaccard's, of the sets of five-word runs (Broder 1997); what the index proposes is checked exactly.
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
from headtohead.data.part import Part
from headtohead.data.text import comparable
from headtohead.sources import locked

log = logging.getLogger(__name__)

RUN = 5
PERMUTATIONS = 128
FACTORS = np.array([0x9E3779B97F4A7C15 * (2 * k + 1) % 2**64 for k in range(RUN)], dtype=np.uint64)
SLOW = 5_000


@dataclass(frozen=True, slots=True)
class Hit:
    """A row, by its position in its part, and the held-out row that is nearly equal to it."""

    position: int
    held_out: str
    partner: int
    similarity: float


def find(part: Part, held_out: dict[str, Part], threshold: float, enough: int, cache: Path) -> list[Hit]:
    """Return the first near duplicate among held-out rows of each row that has one, in order.

    Args:
        part: rows to check, in order.
        held_out: rows to check against.
        threshold: Jaccard similarity from which two texts are nearly equal.
        enough: stop once so many rows without a near duplicate have been seen.
        cache: the cache folder; the same question is answered once.
    """
    key = hashlib.sha256(json.dumps([sorted(held_out), threshold, enough, RUN, PERMUTATIONS]).encode())
    for rows in (part, *(held_out[name] for name in sorted(held_out))):
        key.update(f"{len(rows)}\n".encode() + rows.content.tobytes())
    answer = cache / "near_duplicates" / f"{key.hexdigest()[:20]}.json"
    with locked(cache, f"near-{answer.stem}"):
        atomic.settle(answer)
        if not answer.exists():
            if len(part) > SLOW:
                log.info("comparing %d texts with held-out ones, once (data.near_duplicates.enabled)", len(part))
            hits = list(_search(part, held_out, threshold, enough))
            atomic.write_json(answer, [[hit.position, hit.held_out, hit.partner, hit.similarity] for hit in hits])
    return [Hit(*stored) for stored in json.loads(answer.read_text(encoding="utf-8"))]


def find_within(part: Part, threshold: float) -> list[Hit]:
    """Return, for each row that has one, an earlier row that is nearly equal; holds all signatures in memory."""
    index = _Index(threshold)
    hits = []
    for position in range(len(part)):
        runs = _runs(part.text_at(position))
        found = index.best(runs)
        if found:
            hits.append(Hit(position, *found))
        index.add("", position, part, runs)
    return hits


def _search(part: Part, held_out: dict[str, Part], threshold: float, enough: int) -> Iterator[Hit]:
    index = _Index(threshold)
    for name, rows in held_out.items():
        for position in range(len(rows)):
            index.add(name, position, rows, _runs(rows.text_at(position)))
    clean = 0
    for position in range(len(part)):
        if clean == enough:
            return
        found = index.best(_runs(part.text_at(position)))
        if found:
            yield Hit(position, *found)
        else:
            clean += 1


class _Index:
    """Signatures of rows, and where their texts are."""

    def __init__(self, threshold: float) -> None:
        from datasketch import MinHashLSH

        self._threshold = threshold
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
            similarity = _jaccard(runs, _runs(part.text_at(position)))
            if similarity >= self._threshold:
                found.append((-similarity, key, name, position))
        if not found:
            return None
        negative, _, name, position = min(found)
        return name, position, round(-negative, 4)


def _runs(text: str) -> UInt64[np.ndarray, " runs"]:
    """Return the distinct hashes of all runs of five words; of a shorter text, the hash of all its words."""
    words = np.array([zlib.crc32(word.encode()) for word in comparable(text).split()], dtype=np.uint64)
    length = min(RUN, len(words))
    windows = np.lib.stride_tricks.sliding_window_view(words, length)
    return np.unique((windows * FACTORS[:length]).sum(axis=1, dtype=np.uint64))


def _signature(runs: UInt64[np.ndarray, " runs"]) -> Any:
    from datasketch import MinHash

    signature = MinHash(num_perm=PERMUTATIONS, hashfunc=int)
    signature.update_batch((runs >> np.uint64(32)).tolist())
    return signature


def _jaccard(first: UInt64[np.ndarray, " ones"], second: UInt64[np.ndarray, " others"]) -> float:
    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared / (len(first) + len(second) - shared)
