"""Files become records, one at a time: a file of any size needs the memory of a few rows."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headtohead.data.encodings import Encodings
from headtohead.errors import UserError, near_names

ENDINGS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tab",
    ".parquet": "parquet",
}
LONGEST_FIELD = 1 << 26
PARQUET_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a file, as it stands there.

    ``row_id`` is ``file:row`` (rows count from 1, without headers; JSONL counts lines), or a text file's path.
    """

    row_id: str
    values: dict[str, Any]


def format_of(path: Path, declared: str) -> str:
    """Return the declared format, or the one that the file's ending names.

    Raises:
        UserError: nothing was declared and the ending says nothing.
    """
    if path.is_dir():
        return "folder"
    if declared not in ("auto", "folder"):
        return declared
    if path.suffix.lower() not in ENDINGS:
        known = ", ".join(ENDINGS)
        raise UserError(
            f"{path}: the ending {path.suffix!r} does not tell the format (known: {known}); set data.format"
        )
    return ENDINGS[path.suffix.lower()]


def read_records(
    path: Path, name: str, declared: str, encodings: Encodings, columns: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[Record]:
    """Yield the records of a file, or of a folder with one sub-folder of text files per label.

    Args:
        path: file or folder.
        name: what row ids call it.
        declared: ``data.format``.
        encodings: tried for text files.
        columns: the ones that must be there; checked on the first record.
        optional: others that are wanted; nothing else is read of a Parquet file.

    Raises:
        UserError: missing column, broken JSON or CSV, wrong encoding.
    """
    match format_of(path, declared):
        case "folder":
            records = _folder(path, name, encodings, labelled="label" in columns)
        case "jsonl":
            records = _jsonl(path, name, encodings.of(path))
        case "parquet":
            records = _parquet(path, name, columns, optional)
        case "tab":  # Orange: names, types and roles of the columns
            records = _table(path, name, encodings.of(path), "\t", further_header_rows=2)
        case "tsv":
            records = _table(path, name, encodings.of(path), "\t")
        case _:
            records = _table(path, name, encodings.of(path), ",")
    for position, record in enumerate(records):
        if position == 0:
            _require_columns(path, record.values, columns)
        yield record


def text_files(folder: Path) -> list[Path]:
    """Return the files below a folder in a stable order, hidden ones aside."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(folder / path for path in files if not any(part.startswith(".") for part in path.parts))


def _folder(folder: Path, name: str, encodings: Encodings, labelled: bool) -> Iterator[Record]:
    files = text_files(folder)
    if labelled:  # files beside the labels' folders (a README) are no rows
        files = [path for path in files if path.parent != folder]
        if not files:
            raise UserError(
                f"{folder} has no sub-folders with files; a folder needs one sub-folder per label. "
                "For a file in it set data.files.train=<file name>"
            )
    for path in files:
        inside = path.relative_to(folder).as_posix()
        text = path.read_text(encoding=encodings.of(path))
        label = inside.split("/")[0] if "/" in inside else None
        yield Record(f"{name}/{inside}".lstrip("/"), {"text": text, "label": label, "path": inside})


def _jsonl(path: Path, name: str, encoding: str) -> Iterator[Record]:
    with path.open(encoding=encoding, newline="\n") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield Record(f"{name}:{number}", _json_object(path, number, line))


def _json_object(path: Path, number: int, line: str) -> dict[str, Any]:
    hint = " A JSON array is written one object per line by: jq -c '.[]'" if line.lstrip().startswith("[") else ""
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise UserError(f"{path}, line {number}: broken JSON, {error.msg} at column {error.colno}.{hint}") from None
    except RecursionError:
        raise UserError(f"{path}, line {number}: broken JSON, brackets are nested too deep") from None
    if not isinstance(value, dict):
        raise UserError(
            f"{path}, line {number}: one JSON object per line is needed, found {type(value).__name__}.{hint}"
        )
    return value


def _table(path: Path, name: str, encoding: str, delimiter: str, further_header_rows: int = 0) -> Iterator[Record]:
    csv.field_size_limit(LONGEST_FIELD)
    number = 0
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            header = next(reader, [])
            _require_distinct(path, header)
            for _ in range(further_header_rows):
                next(reader, None)
            for values in filter(None, reader):
                number += 1
                if len(values) != len(header):
                    raise UserError(
                        f"{path}, row {number} (line {reader.line_num}) has {len(values)} fields, "
                        f"the header {len(header)}"
                    )
                yield Record(f"{name}:{number}", dict(zip(header, values, strict=True)))
        except csv.Error as error:
            raise UserError(
                f"{path}, row {number + 1} (line {reader.line_num}): {error}. A field that begins with a double quote "
                "must end with one, and double quotes inside it are doubled"
            ) from None


def _parquet(path: Path, name: str, columns: Sequence[str], optional: Sequence[str]) -> Iterator[Record]:
    import pyarrow
    import pyarrow.parquet

    with _parquet_faults(path):
        file = pyarrow.parquet.ParquetFile(path)
    with file, _parquet_faults(path):
        present = file.schema_arrow.names
        _require_columns(path, dict.fromkeys(present), columns)
        number = 0
        for batch in file.iter_batches(
            batch_size=PARQUET_ROWS, columns=[column for column in present if column in (*columns, *optional)]
        ):
            for values in batch.to_pylist():
                number += 1
                yield Record(f"{name}:{number}", values)


@contextmanager
def _parquet_faults(path: Path) -> Iterator[None]:
    """Translate what pyarrow says of a damaged file, which may show at any page."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path} cannot be read as Parquet: {error}") from None


def _require_columns(path: Path, present: dict[str, Any], columns: Sequence[str]) -> None:
    for column in columns:
        if column not in present:
            raise UserError(f"{path} has no column {column!r}{near_names(column, present)} (data.fields, data.group)")


def _require_distinct(path: Path, header: Sequence[str]) -> None:
    twice = [column for column, count in Counter(header).items() if column and count > 1]
    if twice:
        raise UserError(f"{path}: the header names the column {twice[0]!r} twice")
