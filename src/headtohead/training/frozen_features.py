"""What a trunk that nothing trains answers, once for each row of a split: all that a head over it is trained on."""

from __future__ import annotations

import hashlib
import io
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from headtohead import atomic
from headtohead.batching.encode import EncodedRows
from headtohead.batching.plan import score_batches
from headtohead.sources import locked

Compute = Callable[[list[list[int]]], Float[Tensor, "rows 1 features"]]
"""Given prompts, reads them."""
Advance = Callable[[int, bool], None]
"""Told of rows that are at hand, and whether they were read just now."""
Part = Shaped[np.ndarray, " rows"]
"""Records of a state (features numbers in single precision) and the seconds that reading it took."""
ROWS_OF_A_PART = 1024
"""As many are lost at most where reading is killed."""
SPLITS = 8
"""As many are at hand: those of the latest runs."""


class Features:
    """Keeps the state of each row that its readout needs: a table for each split, read whole when it is first asked for.

    Parts of a table are read in one order whoever asks for which rows, and one process reads a part for all, so that other
    runs and runs that go on find the same bits. In memory or on disk, a table takes 4 bytes for each row and feature.

    Args:
        cache: where parts are files, named by the tokens of their rows; None keeps them in memory.
        name: stands for all else that states are made by.
    """

    def __init__(self, cache: Path | None, name: str) -> None:
        self._cache, self._name = cache, name
        self._tables: OrderedDict[str, list[Part]] = OrderedDict()

    def of(
        self, rows: EncodedRows, index: Int[np.ndarray, " some"], compute: Compute, tokens: int
    ) -> Float[Tensor, "some 1 features"]:
        """Return the states of some rows of a split; ``tokens`` are read at a time, should it have to be read."""
        parts = self._table(rows, compute, tokens)
        found = np.empty((len(index), *parts[0]["state"].shape[1:]), dtype=np.float32)
        numbers = index // ROWS_OF_A_PART
        for number in set(numbers.tolist()):
            own = numbers == number
            found[own] = parts[number]["state"][index[own] % ROWS_OF_A_PART]
        return torch.from_numpy(found).unsqueeze(1)

    def read(self, rows: EncodedRows, compute: Compute, tokens: int, advance: Advance) -> float:
        """Have a split at hand; return the seconds that reading its rows took, now or whenever they were read."""
        parts = self._table(rows, compute, tokens, advance)
        return float(sum(part["seconds"].sum(dtype=np.float64) for part in parts))

    def holds(self, rows: EncodedRows) -> bool:
        """Whether a split is at hand."""
        return rows.key in self._tables

    def _table(
        self, rows: EncodedRows, compute: Compute, tokens: int, advance: Advance = lambda count, is_read: None
    ) -> list[Part]:
        parts = self._tables.pop(rows.key, None)
        if parts is None:
            starts = range(0, len(rows), ROWS_OF_A_PART)
            indices = [np.arange(start, min(start + ROWS_OF_A_PART, len(rows))) for start in starts]
            parts = [self._part(rows.input_ids(index), compute, tokens, advance) for index in indices]
        self._tables[rows.key] = parts
        if len(self._tables) > SPLITS:
            self._tables.popitem(last=False)
        return parts

    def _part(self, prompts: list[list[int]], compute: Compute, tokens: int, advance: Advance) -> Part:
        if self._cache is None:
            return _read(prompts, compute, tokens, advance)
        name = _hash(prompts)
        file = self._cache / "states" / self._name / f"{name}.npy"
        found = _load(file)
        if found is not None:
            advance(len(prompts), False)
            return found
        with locked(self._cache, f"states-{name}"):
            if _load(file) is None:
                _save(file, _read(prompts, compute, tokens, advance))
        found = _load(file)
        assert found is not None, f"{file} was written, and is not there"
        return found


@torch.no_grad()
def _read(prompts: list[list[int]], compute: Compute, tokens: int, advance: Advance) -> Part:
    """Read rows, those of like length together."""
    part = None
    for batch in score_batches(np.asarray([len(prompt) for prompt in prompts]), tokens):
        started = time.monotonic()
        states = compute([prompts[row] for row in batch])[:, 0].numpy()
        if part is None:
            part = np.empty(len(prompts), dtype=[("state", "<f4", states.shape[1:]), ("seconds", "<f4")])
        part["state"][batch] = states
        part["seconds"][batch] = (time.monotonic() - started) / len(batch)
        advance(len(batch), True)
    assert part is not None, "a part has rows"
    return part


def _hash(prompts: Sequence[Sequence[int]]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for prompt in prompts:
        digest.update(len(prompt).to_bytes(4, "little") + np.asarray(prompt, dtype="<i4").tobytes())
    return digest.hexdigest()


def _save(file: Path, part: Part) -> None:
    """Write a part, whole or not at all.

    Raises:
        OSError: the disk is full, say.
    """
    content = io.BytesIO()  # np.save into a file does not tell a full disk from another error
    np.save(content, part)
    with atomic.new_file(file) as temporary:
        temporary.write_bytes(content.getbuffer())


def _load(file: Path) -> Part | None:
    """Map a part into memory; None where there is none that can be read."""
    try:
        part: Part = np.load(file, mmap_mode="r")
    except (FileNotFoundError, ValueError, EOFError):
        return None
    return part
