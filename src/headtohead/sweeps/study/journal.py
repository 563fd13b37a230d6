"""A study in one file of JSON lines, which a full disk or a kill in the middle of a line cannot spoil."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from filelock import FileLock
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend

from headtohead import atomic

TAIL = 2**16
"""Bytes read at a time when looking for the end of the last whole line."""


class Journal(BaseJournalBackend):
    """Optuna's journal file, read by it and by optuna-dashboard; only appending differs.

    Optuna's own backend leaves half a line where the disk is full, and glues the next one to it: from then on nobody
    can read the file. Here a line is written whole or not at all, and what a killed process left is cut off first. The
    lock is the operating system's, which lets go of it when a process dies: Optuna's own would be waited for for 30 s.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._lock = path, FileLock(path.with_name(f".{path.name}.lock"))
        self._file = JournalFileBackend(str(path))  # reads without a lock

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """Return the lines from a number on."""
        return self._file.read_logs(log_number_from)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append lines.

        Raises:
            OSError: they could not be written; the file is as it was.
        """
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with self._lock, self._path.open("a+b", buffering=0) as file:
            atomic.on_step("before append", self._path)
            _append(file, _end_of_lines(file), text.encode())
            atomic.on_step("after append", self._path)


def _append(file: IO[bytes], end: int, data: bytes) -> None:
    if file.seek(0, os.SEEK_END) > end:
        file.truncate(end)
    try:
        written = 0
        while written < len(data):  # a nearly full disk takes a part before it refuses
            written += file.write(data[written:])
        os.fsync(file.fileno())
    except OSError:
        file.truncate(end)
        raise


def _end_of_lines(file: IO[bytes]) -> int:
    """Return where the last whole line ends."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - TAIL)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
