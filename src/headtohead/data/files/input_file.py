"""A file to read, with what was said of how: the one argument of every format's reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from io import TextIOWrapper
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO, cast

from headtohead.config.data import DataConfig
from headtohead.config.dialect import DialectConfig
from headtohead.data.columns.conversations import conversation_in
from headtohead.data.files.compressed import open_bytes
from headtohead.data.files.encodings import Encodings
from headtohead.data.text import used_columns
from headtohead.errors import UserError, near_names
from headtohead.grammar import typed
from headtohead.notices import Notice


@dataclass(slots=True)
class Reading:
    """How files are read, and what was recognised in them on the way."""

    encodings: Encodings
    format: str = "auto"
    dialect: DialectConfig = field(default_factory=DialectConfig)
    text: str = "text"
    label: str = "label"
    """What the columns of the text and the label are called, for advice."""
    numbers: str = ""
    """Column that holds numbers: scores and ratings may have a decimal comma."""
    _said: dict[Notice, list[Path]] = field(default_factory=dict)

    @classmethod
    def of(cls, config: DataConfig) -> Reading:
        """Return how a data set is read."""
        text, label = used_columns(config.fields)[0], config.fields.label_columns[0]
        numbers = label if config.labels.kind in ("real", "ordinal") else ""
        return cls(Encodings(config.encodings), config.format, config.dialect, text, label, numbers)

    def say(self, path: Path, notice: Notice) -> None:
        """Note something of a file; the same of many files is said once."""
        files = self._said.setdefault(notice, [])
        if path not in files:
            files.append(path)

    @property
    def notices(self) -> list[Notice]:
        """What is to be told, once for all files that it was found in."""
        kinds: dict[object, list[tuple[Notice, Path]]] = {}
        for notice, files in self._said.items():
            kinds.setdefault(notice.command or notice.text, []).extend((notice, path) for path in files)
        return [_of_files(found) for found in kinds.values()]


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file or folder, and the columns that are wanted of it."""

    path: Path
    name: str
    """What row ids call it."""
    format: str
    how: Reading
    columns: Sequence[str]
    """Must be there."""
    optional: Sequence[str] = ()

    @property
    def wanted(self) -> list[str]:
        """All columns that are read if they are there."""
        return [*self.columns, *self.optional]

    @contextmanager
    def text(self) -> Iterator[TextIO]:
        """Open it to read its lines, uncompressed and decoded, with the line ends it has.

        Raises:
            UserError: it cannot be read or decoded.
        """
        encoding = self.encoding_of(self.path)
        with open_bytes(self.path) as raw:
            yield cast(TextIO, TextIOWrapper(raw, encoding=encoding, newline=""))

    def encoding_of(self, path: Path) -> str:
        """Return the encoding of this file or one in this folder, and say if it is no usual one.

        Raises:
            UserError: it is in none of those to be tried.
        """
        encoding = self.how.encodings.of(path)
        if encoding.startswith(("utf-16", "utf-32")):
            self.how.say(path, Notice(text=f"the encoding is {encoding}, as its first bytes say", leads=False))
        return encoding

    def say(self, text: str, command: str = "", *, leads: bool = False) -> None:
        """Note what was recognised."""
        self.how.say(self.path, Notice(text=text, command=command, leads=leads))

    def require_columns(
        self, present: Iterable[str], hint: str = "", *, sample: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        """Refuse a file that lacks a column.

        Args:
            sample: values of its columns, where they are known: a conversation is told from a text.

        Raises:
            UserError: names what is there.
        """
        known = list(present)
        for column in self.columns:
            if column not in known:
                raise UserError(
                    f"{self.path} has no column {column!r}{near_names(column, known)} (data.fields, data.group)"
                    f"{self._renaming(column, known, sample)}{hint}"
                )

    def _renaming(self, column: str, known: list[str], sample: Mapping[str, Any]) -> str:
        """Return the line to type where the missing column is the text's or the label's."""
        others = [name for name in known if name not in self.columns]
        same = [name for name in others if name.strip().casefold() == column.casefold()]
        likely = same or get_close_matches(column, others, n=1, cutoff=0.5) or others[:1]
        if not likely or column not in (self.how.text, self.how.label):
            return ""
        if column == self.how.text and (setting := conversation_in(sample)):
            return f". One holds conversations, which are read by {setting}"
        if column == self.how.text:
            return f". Name the one with the text, such as {typed('data.fields.text', likely)}"
        return f". Name the one with the label, such as {typed('data.fields.label', likely[0])}"


def _of_files(found: list[tuple[Notice, Path]]) -> Notice:
    """Return the first of several notices of one kind, and say of how many more files it is."""
    first, path = found[0]
    files = {path for _, path in found}
    more = f" (and {len(files) - 1:,} more files)" if len(files) > 1 else ""
    leads = any(notice.leads for notice, _ in found)
    return Notice(text=f"{path.name}{more}: {first.text}", command=first.command, leads=leads)
