"""Compressed files, read as what they hold; their first bytes say how they were compressed, not their names."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shlex
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NoReturn, cast

from headtohead.config.formats import PACKED_ENDINGS
from headtohead.errors import UserError

BEGINNINGS = {
    b"\x1f\x8b\x08": "gzip",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",  # of nothing
}
BROKEN = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, OSError, RuntimeError)
"""What the libraries raise of a damaged file; RuntimeError of a zip with a password."""


def packing_of(path: Path) -> str:
    """Return how a file is compressed: gzip, bz2, xz, zstd, zip, or an empty text."""
    with _faults(path), path.open("rb") as file:
        start = file.read(10)
    if start[:3] == b"BZh" and start[4:] != b"1AY&SY":  # a text may begin with three letters
        return ""
    return next((packing for mark, packing in BEGINNINGS.items() if start.startswith(mark)), "")


def inner_name(path: Path) -> str:
    """Return the name of what is in a file: without the ending of its compression; of a zip, its member's."""
    if packing_of(path) == "zip":
        with _faults(path), zipfile.ZipFile(path) as archive:
            return PurePosixPath(_only_member(path, archive)).name
    return path.stem if path.suffix.lower() in PACKED_ENDINGS else path.name


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read its bytes, uncompressed.

    Raises:
        UserError: it cannot be read, is damaged, or is a zip of several files; also while it is read.
    """
    packing = packing_of(path)
    with _faults(path), ExitStack() as stack:
        match packing:
            case "gzip":
                file: object = stack.enter_context(gzip.open(path))
            case "bz2":
                file = stack.enter_context(bz2.open(path))
            case "xz":
                file = stack.enter_context(lzma.open(path))
            case "zstd":
                import pyarrow

                file = io.BufferedReader(stack.enter_context(pyarrow.input_stream(str(path), compression="zstd")))
            case "zip":
                archive = stack.enter_context(zipfile.ZipFile(path))
                file = stack.enter_context(archive.open(_only_member(path, archive)))
            case _:
                file = stack.enter_context(path.open("rb"))
        yield cast(BinaryIO, file)


def _only_member(path: Path, archive: zipfile.ZipFile) -> str:
    names = [name for name in archive.namelist() if not name.endswith("/")]
    members = [
        name for name in names if not name.startswith("__MACOSX/") and not PurePosixPath(name).name.startswith(".")
    ]
    if "[Content_Types].xml" in members:
        refuse_spreadsheet(path)
    if len(members) != 1:
        folder = path.with_suffix("")
        raise UserError(
            f"{path} holds {len(members)} files ({', '.join(members[:5])}{', ...' if len(members) > 5 else ''}); a zip of "
            f"one is read. Unpack it by: unzip '{path}' -d '{folder}', and set data.source.name={folder}"
        )
    return members[0]


def refuse_spreadsheet(path: Path) -> NoReturn:
    """Say how to make a table of a spreadsheet.

    Raises:
        UserError: always.
    """
    target = path.with_suffix(".jsonl")
    program = f"import pandas; pandas.read_excel({str(path)!r}).to_json({str(target)!r}, orient='records', lines=True)"
    raise UserError(
        f"{path} is a spreadsheet, which is not read. Save the sheet as CSV (UTF-8) in the program it is from, or, with openpyxl "
        f"installed: python -c {shlex.quote(program)}"
    )


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except BROKEN as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UserError(f"{path} cannot be read: {reason}") from None
