"""Files become records, one at a time: a file of any size needs the memory of a few rows (a JSON document, of all)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from headtohead.config.formats import ENDINGS, FORMATS, PACKED_ENDINGS
from headtohead.data.files.compressed import inner_name, open_bytes, refuse_spreadsheet
from headtohead.data.files.input_file import InputFile, Reading
from headtohead.data.files.raw_row import Record, nested_names
from headtohead.errors import UserError

HELD = 1000
"""Rows in which a column must turn up before they are passed on; later ones may still bring it."""
OLD_OFFICE = b"\xd0\xcf\x11\xe0"
SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers")
NO_DATA = {
    b"version https://git-lfs": "is a pointer of Git LFS, not the file itself: git lfs pull fetches it",
    b"<!doctype html": "is a web page, not a table",
    b"<html": "is a web page, not a table",
    b"<?xml": "is XML, not a table",
    b"%pdf-": "is a PDF, not a table",
}
"""Beginnings of what is not read, in small letters, and what to say of it."""
JSON = re.compile(rb'(\xef\xbb\xbf)?\s*(\[\s*)?\{\s*"')


def format_of(path: Path, declared: str) -> str:
    """Return the declared format, or the one that the file's content or ending names.

    Raises:
        UserError: nothing was declared and neither says it, or it is a format that is not read.
    """
    if path.is_dir():
        return "folder"
    ending = Path(inner_name(path)).suffix.lower()
    with open_bytes(path) as file:
        start = file.read(64)
    if ending in SPREADSHEETS or start.startswith(OLD_OFFICE):
        refuse_spreadsheet(path)
    for beginning, said in NO_DATA.items():
        if start.lower().startswith(beginning):
            raise UserError(f"{path} {said}")
    if start.startswith(b"PAR1"):
        return "parquet"
    if declared not in ("auto", "folder"):
        return declared
    if ending not in ENDINGS:
        known = f"{', '.join(ENDINGS)}, each also with {', '.join(PACKED_ENDINGS)} behind it"
        raise UserError(
            f"{path}: the ending {ending!r} does not tell the format (known: {known}); set data.format, such as data.format=csv"
        )
    named = ENDINGS[ending]
    return "json" if FORMATS[named].reader == "table" and JSON.match(start) else named


def read_records(
    path: Path, name: str, how: Reading, columns: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[Record]:
    """Yield the records of a file, or of a folder with one sub-folder of text files per label.

    A row that is broken is a record with a fault; a column that only some rows lack is a matter of those rows.

    Args:
        path: file or folder.
        name: what row ids call it.
        how: format, dialect and encodings; what is recognised is said there.
        columns: the ones that must be there.
        optional: others that are wanted; nothing else is read of a Parquet file.

    Raises:
        UserError: a missing column, a file that cannot be read, or one that may be read in several ways.
    """
    file = InputFile(path, name, format_of(path, how.format), how, columns, optional)
    read = import_module(f"headtohead.data.formats.{FORMATS[file.format].reader}").read
    return _with_columns(file, read(file))


def _with_columns(file: InputFile, records: Iterator[Record]) -> Iterator[Record]:
    """Pass records on, and refuse the file if no row at all has a column."""
    missing, seen, sample, held = set(file.columns), dict[str, None](), dict[str, Any](), list[Record]()
    for record in records:
        held.append(record)
        if not record.fault:
            missing -= record.columns.keys()
            seen.update(dict.fromkeys(nested_names(record.columns)))
            sample = {**record.columns, **sample}
        if not missing:
            break
        if len(held) > HELD:
            yield from held
            held.clear()
    if missing and seen:
        file.require_columns(seen, sample=sample)
    yield from held
    yield from records
