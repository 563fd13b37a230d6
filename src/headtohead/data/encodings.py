"""Which encoding a file is in."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path

from headtohead.errors import UserError

CHUNK = 1 << 20


class Encodings:
    """Encodings in the order they are tried, and the files that were not in the first."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self.exceptions: dict[str, str] = {}

    def of(self, path: Path) -> str:
        """Return the first encoding that the whole file is valid in.

        Raises:
            UserError: none is; names the first bad byte under the first encoding.
        """
        failures: list[tuple[int, int]] = []
        for name in self.names:
            failure = _first_bad_byte(path, name)
            if failure is None:
                if failures:
                    self.exceptions[f"{path.parent.name}/{path.name}"] = name
                return "utf-8-sig" if _is_utf8(name) and _starts_with(path, codecs.BOM_UTF8) else name
            failures.append(failure)
        offset, byte = failures[0]
        likely = "utf-16" if _starts_with(path, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "cp1252"
        raise UserError(
            f"{path}: the byte at offset {offset} (0x{byte:02x}) is not valid {self.names[0]} (tried: "
            f"{', '.join(self.names)}). Save the file as UTF-8, or set 'data.encodings=[{self.names[0]},{likely}]' "
            "if that is what it is"
        )


def _is_utf8(name: str) -> bool:
    return codecs.lookup(name).name == "utf-8"


def _starts_with(path: Path, *marks: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(4).startswith(marks)


def _first_bad_byte(path: Path, encoding: str) -> tuple[int, int] | None:
    """Return offset and value of the first byte that is not valid, or None; reads in pieces."""
    decoder = codecs.getincrementaldecoder(encoding)()
    read = 0
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK)
            pending = decoder.getstate()[0]
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeError as error:
                seen = pending + chunk
                start = min(getattr(error, "start", 0), len(seen) - 1)
                return read - len(pending) + start, seen[start]
            if not chunk:
                return None
            read += len(chunk)
