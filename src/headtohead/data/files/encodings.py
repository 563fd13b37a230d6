"""Which encoding a file is in."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path

from headtohead.data.files.compressed import open_bytes
from headtohead.errors import UserError

CHUNK = 1 << 20
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}
"""Byte order marks, longer ones first: one begins with another."""
MANY = 0.4


class Encodings:
    """Encodings in the order they are tried, and the files that were not in the first.

    A byte order mark, or zeros in every second byte, leave nothing to try.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self.exceptions: dict[str, str] = {}
        self._known: dict[Path, str] = {}

    def of(self, path: Path) -> str:
        """Return the first encoding that the whole file is valid in; a file is read through for it once.

        Raises:
            UserError: none is; names the first bad byte under the first encoding.
        """
        if path not in self._known:
            self._known[path] = self._find(path)
        return self._known[path]

    def _find(self, path: Path) -> str:
        marked = self.marked(path)
        failures: list[tuple[int, int]] = []
        for name in [marked] if marked else self.names:
            failure = _first_bad_byte(path, name)
            if failure is None:
                if _family(name) != _family(self.names[0]):
                    self.exceptions[f"{path.parent.name}/{path.name}"] = name
                return name
            failures.append(failure)
        offset, byte = failures[0]
        first = marked or self.names[0]
        raise UserError(
            f"{path}: the byte at offset {offset} (0x{byte:02x}) is not valid {first} (tried: "
            f"{', '.join([marked] if marked else self.names)}). Save the file as UTF-8, or set "
            f"'data.encodings=[{self.names[0]},cp1252]' if that is what it is (Western Europe; elsewhere cp1250, "
            "cp1251, shift_jis, gb18030, euc-kr, big5, ...)"
        )

    def marked(self, path: Path) -> str:
        """Return the encoding that a file's first bytes leave no doubt of, or an empty text."""
        return _marked(path)


def _family(name: str) -> str:
    return codecs.lookup(name).name.removesuffix("-sig")


def _marked(path: Path) -> str:
    """Return the encoding that the first bytes name, or an empty text."""
    with open_bytes(path) as file:
        start = file.read(4096)
    for mark, name in MARKS.items():
        if start.startswith(mark):
            return name
    halves = start[: len(start) // 2 * 2]
    zeros = [halves[offset::2].count(0) for offset in (0, 1)]  # of mostly Latin letters, one byte of two is zero
    if max(zeros) <= MANY * len(halves) / 2 or min(zeros):
        return ""
    name = "utf-16-be" if zeros[0] else "utf-16-le"
    is_text = all(letter.isprintable() or letter.isspace() for letter in halves.decode(name, "ignore"))
    return name if is_text else ""


def _first_bad_byte(path: Path, encoding: str) -> tuple[int, int] | None:
    """Return offset and value of the first byte that is not valid, or None; reads in pieces."""
    decoder = codecs.getincrementaldecoder(encoding)()
    read = 0
    with open_bytes(path) as file:
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
