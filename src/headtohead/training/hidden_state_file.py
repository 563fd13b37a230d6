"""Hidden states on disk, by the row they are of: appended to files that several processes share by reading."""

from __future__ import annotations

import json
import os
import secrets
import weakref
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

DATA, INDEX = ".states", ".index"


@dataclass(frozen=True, slots=True)
class _Place:
    file: Path
    offset: int
    tokens: int


class StateFile:
    """Keeps the states of rows: tokens x features, of one dtype.

    A process appends to a file of its own, made at its first row, and reads all that were there when it began. A line of
    the index is written once its states are, so that a kill or a full disk leaves at most states that nobody looks up.

    Args:
        folder: for one model, precision and layer.
        features: of a token.
    """

    def __init__(self, folder: Path, *, features: int, dtype: torch.dtype) -> None:
        self._folder, self._features, self._dtype = folder, features, dtype
        self._bytes = features * torch.empty((), dtype=dtype).element_size()
        self._places: dict[str, _Place] = {}
        self._open: dict[Path, int] = {}
        self._own: Path | None = None
        for index in sorted(folder.glob(f"*{INDEX}")):
            self._read_index(index)
        self.close = weakref.finalize(self, _close, self._open)

    def __contains__(self, row: str) -> bool:
        return row in self._places

    def get(self, row: str) -> Float[Tensor, "tokens features"]:
        """Return the states of a row that is kept."""
        place = self._places[row]
        if place.file not in self._open:
            self._open[place.file] = os.open(place.file, os.O_RDONLY)
        data = bytearray(os.pread(self._open[place.file], place.tokens * self._bytes, place.offset))
        return torch.frombuffer(data, dtype=self._dtype).view(place.tokens, self._features)

    def put(self, row: str, states: Float[Tensor, "tokens features"]) -> None:
        """Keep the states of a row.

        Raises:
            OSError: the disk is full; what was there before is as it was.
        """
        data = memoryview(states.contiguous().cpu().view(torch.uint8).numpy().tobytes())
        own = self._own_file()
        descriptor = self._open[own]
        end = os.fstat(descriptor).st_size
        try:
            while data:
                data = data[os.write(descriptor, data) :]
        except OSError:
            os.ftruncate(descriptor, end)
            raise
        line = json.dumps([row, end, len(states)]) + "\n"
        os.write(self._open[own.with_suffix(INDEX)], line.encode())
        self._places[row] = _Place(own, end, len(states))

    def _own_file(self) -> Path:
        if self._own is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._own = self._folder / f"{os.getpid()}-{secrets.token_hex(4)}{DATA}"
            for path in (self._own, self._own.with_suffix(INDEX)):
                self._open[path] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        return self._own

    def _read_index(self, index: Path) -> None:
        file = index.with_suffix(DATA)
        if not file.is_file():  # deleted by hand
            return
        size = file.stat().st_size
        for line in index.read_text(encoding="utf-8").splitlines():
            try:
                row, offset, tokens = json.loads(line)
            except ValueError:  # cut off by a kill
                continue
            if offset + tokens * self._bytes <= size:
                self._places[row] = _Place(file, offset, tokens)


def _close(descriptors: dict[Path, int]) -> None:
    for descriptor in descriptors.values():
        os.close(descriptor)
