"""What a trunk that nothing trains answers, once for each row of a split: all that a head over it is trained on."""

from __future__ import annotations

import io
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from headtohead import atomic
from headtohead.batching.encode import EncodedRows
from headtohead.batching.plan import score_batches

Compute = Callable[[list[list[int]]], Float[Tensor, "rows 1 features"]]
"""Given prompts, reads them."""
Part = Shaped[np.ndarray, " rows"]
"""Records of a state (features numbers in single precision) and the seconds that reading it took."""
ROWS_OF_A_PART = 4096
"""As many are lost at most where reading is killed."""
SPLITS = 8
"""As many are at hand: those of the latest runs."""


class Features:
    """Keeps the state of each row that its readout needs: a table for each split, read whole when it is first asked for.

    Parts of a table are read in one order whoever asks for which rows, so that a row's state is a function of trunk and
    split: other runs and runs that go on find the same bits, or compute them again.

    Args:
        folder: of one trunk, precision and pooling, where parts are files; None keeps them in memory, 4 bytes for each row
            and feature.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
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

    def read(self, rows: EncodedRows, compute: Compute, tokens: int, advance: Callable[[int], None]) -> float:
        """Have a split at hand; return the seconds that reading its rows took, now or whenever they were read.

        Args:
            advance: told of how many rows were read now.
        """
        parts = self._table(rows, compute, tokens, advance)
        return float(sum(part["seconds"].sum(dtype=np.float64) for part in parts))

    def _table(
        self, rows: EncodedRows, compute: Compute, tokens: int, advance: Callable[[int], None] = lambda count: None
    ) -> list[Part]:
        parts = self._tables.pop(rows.key, None)
        if parts is None:
            starts = range(0, len(rows), ROWS_OF_A_PART)
            parts = [self._part(rows, start, compute, tokens, advance) for start in starts]
        self._tables[rows.key] = parts
        if len(self._tables) > SPLITS:
            self._tables.popitem(last=False)
        return parts

    def _part(
        self, rows: EncodedRows, start: int, compute: Compute, tokens: int, advance: Callable[[int], None]
    ) -> Part:
        index = np.arange(start, min(start + ROWS_OF_A_PART, len(rows)))
        if self._folder is None:
            return _read(rows, index, compute, tokens, advance)
        file = self._folder / rows.key / f"{start}.npy"
        found = _load(file, len(index))
        if found is None:
            _save(file, _read(rows, index, compute, tokens, advance))
            found = _load(file, len(index))
        assert found is not None, f"{file} was written, and is not there"
        return found


@torch.no_grad()
def _read(
    rows: EncodedRows, index: Int[np.ndarray, " rows"], compute: Compute, tokens: int, advance: Callable[[int], None]
) -> Part:
    """Read rows, those of like length together."""
    part = None
    for batch in score_batches(rows.lengths[index], tokens):
        started = time.monotonic()
        states = compute(rows.input_ids(index[batch]))[:, 0].numpy()
        if part is None:
            part = np.empty(len(index), dtype=[("state", "<f4", states.shape[1:]), ("seconds", "<f4")])
        part["state"][batch] = states
        part["seconds"][batch] = (time.monotonic() - started) / len(batch)
        advance(len(batch))
    assert part is not None, "a part has rows"
    return part


def _save(file: Path, part: Part) -> None:
    """Write a part, whole or not at all.

    Raises:
        OSError: the disk is full, say.
    """
    content = io.BytesIO()
    np.save(content, part)
    with atomic.new_file(file) as temporary:
        temporary.write_bytes(content.getbuffer())


def _load(file: Path, count: int) -> Part | None:
    """Map a part of so many rows into memory; None where there is none that can be read."""
    try:
        part: Part = np.load(file, mmap_mode="r")
    except (FileNotFoundError, ValueError, EOFError):
        return None
    return part if part.shape == (count,) else None
