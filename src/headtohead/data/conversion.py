"""Records become an Arrow file and arrays beside it, in one pass and in the memory of a thousand rows."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headtohead.config.data import DataConfig
from headtohead.data.columns.cells import cell
from headtohead.data.columns.label_parsing import Answer, Writing, read_answer
from headtohead.data.columns.label_survey import Survey, survey
from headtohead.data.files.input_file import Reading
from headtohead.data.files.raw_row import Record
from headtohead.data.files.row_errors import Faults
from headtohead.data.files.row_reading import read_records
from headtohead.data.files.split_files import SplitFiles
from headtohead.data.text import Message, RowError, read_input, text_digest, used_columns
from headtohead.errors import UserError
from headtohead.labels import label_text
from headtohead.notices import Notice

if TYPE_CHECKING:
    import pyarrow

LAYOUT = 3
"""Part of the cache key: raise it when what is written changes."""
ROWS, FACTS, LABELS = "rows.arrow", "facts.json", "labels"
KEYS = ("text", "group", "content", "identity")
BATCH_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it is stored."""

    row_id: str
    text: str
    messages: list[Message] | None
    label: Answer
    group: str
    is_alone: bool
    """Whether it is a group of its own because its group is missing."""
    digest: bytes
    """Equal for equal texts."""


def convert(files: SplitFiles, config: DataConfig, writing: Writing, folder: Path) -> dict[str, Any]:
    """Write ``rows.arrow`` and one array per key into a folder.

    Returns:
        What is to be remembered of it: bad rows, files in another encoding, what was recognised.

    Raises:
        UserError: no usable row, or bad rows that are not to be dropped.
    """
    import pyarrow

    schema = _schema(config)
    faults, reading, index = Faults(f"data.files.{files.split}"), Reading.of(config), _Index()
    batch: list[Row] = []
    with pyarrow.OSFile(str(folder / ROWS), "wb") as sink, pyarrow.ipc.new_stream(sink, schema) as writer:
        for row in _rows(files, config, writing, faults, reading):
            index.add(row)
            batch.append(row)
            if len(batch) == BATCH_ROWS:
                writer.write_batch(_record_batch(batch, schema))
                batch.clear()
        if batch:
            writer.write_batch(_record_batch(batch, schema))
    if config.bad_rows == "refuse":
        faults.refuse()
    if not len(index):
        raise UserError(f"data.files.{files.split} is empty: no usable row in {', '.join(map(str, files.paths))}")
    index.save(folder, width=len(writing.names) if writing.kind == "multi" else None)
    notices = (*reading.notices, *faults.notices(), *_of_groups(index.alone, len(index), config))
    return {
        "faults": faults.as_dict(),
        "encodings": reading.encodings.exceptions,
        "notices": [notice.as_dict() for notice in notices],
    }


def survey_of(files: SplitFiles, config: DataConfig) -> Survey:
    """Return how the answers are written in the files, and what they are.

    Raises:
        UserError: as ``survey``.
    """
    columns = config.fields.label_columns
    return survey(lambda: _records(files, columns, Reading.of(config)), config)


def _records(files: SplitFiles, columns: list[str], reading: Reading) -> Iterator[Record]:
    for path, name in zip(files.paths, files.names, strict=True):
        yield from read_records(path, name, reading, columns)


def _rows(files: SplitFiles, config: DataConfig, writing: Writing, faults: Faults, reading: Reading) -> Iterator[Row]:
    """Yield the usable rows; the others are added to ``faults``."""
    wanted = [*used_columns(config.fields), *writing.columns, config.fields.id, config.group]
    for record in _records(files, [name for name in wanted if name], reading):
        faults.read += 1
        try:
            yield _row(record, config, writing)
        except RowError as fault:
            faults.add(record.row_id, fault)


def _row(record: Record, config: DataConfig, writing: Writing) -> Row:
    fields = config.fields
    text, messages = read_input(record.values, fields)
    label = read_answer([cell(record.values, column, fields) for column in writing.columns], writing)
    row_id = record.row_id
    if fields.id:
        given = cell(record.values, fields.id, fields)
        if given is None:
            raise RowError("no id", f"there is no {fields.id!r}")
        row_id = str(given)
    group = cell(record.values, config.group, fields) if config.group else row_id
    own = f"{row_id} (no {config.group})"  # whatever the others' groups are called
    return Row(
        row_id=row_id,
        text=text,
        messages=messages,
        label=label,
        group=own if group is None else label_text(group) if config.group else row_id,
        is_alone=group is None,
        digest=text_digest(text),
    )


def _of_groups(alone: int, rows: int, config: DataConfig) -> list[Notice]:
    """Return what is to be said of rows whose group is missing."""
    if not alone:
        return []
    what = f"{config.group!r} is missing in {alone:,} of {rows:,} rows: each of those is a group of its own"
    return [Notice(text=what, leads=False)]


class _Index:
    """What splitting needs to know of each row, eight bytes a key."""

    def __init__(self) -> None:
        self._keys = {name: array("Q") for name in KEYS}
        self._labels = array("d")
        self.alone = 0
        """Rows whose group is missing."""

    def __len__(self) -> int:
        return len(self._keys["text"])

    def add(self, row: Row) -> None:
        """Append the keys of a row."""
        everything = json.dumps([row.row_id, row.text, row.messages, row.label, row.group])
        self.alone += row.is_alone
        self._keys["text"].append(int.from_bytes(row.digest, "big"))
        self._keys["group"].append(_number(row.group))
        self._keys["content"].append(_number(everything))
        self._keys["identity"].append(_number(row.row_id))
        self._labels.extend(row.label if isinstance(row.label, list) else [row.label])

    def save(self, folder: Path, width: int | None) -> None:
        """Write one array per key; labels of multi-label data have ``width`` columns."""
        for name, values in self._keys.items():
            np.save(folder / f"{name}.npy", np.frombuffer(values, dtype=np.uint64))
        labels = np.frombuffer(self._labels, dtype=np.float64)
        np.save(folder / f"{LABELS}.npy", labels.reshape(-1, width).astype(np.int8) if width else labels)


def _number(value: str) -> int:
    return int.from_bytes(hashlib.blake2b(value.encode(), digest_size=8).digest(), "big")


def _schema(config: DataConfig) -> pyarrow.Schema:
    import pyarrow

    string = pyarrow.string()
    labels = {"multi": pyarrow.list_(pyarrow.int8()), "real": pyarrow.float64()}
    label = labels.get(config.labels.kind, pyarrow.int64())
    messages = pyarrow.list_(pyarrow.struct([("role", string), ("content", string)]))
    fields = [("row_id", string), ("text", string), ("messages", messages), ("label", label)]
    fields += [("group", string), ("text_hash", string)]
    return pyarrow.schema([field for field in fields if field[0] != "messages" or config.fields.messages])


def _record_batch(rows: list[Row], schema: pyarrow.Schema) -> pyarrow.RecordBatch:
    import pyarrow

    columns = {
        "row_id": [row.row_id for row in rows],
        "text": [row.text for row in rows],
        "messages": [row.messages for row in rows],
        "label": [row.label for row in rows],
        "group": [row.group for row in rows],
        "text_hash": [row.digest.hex() for row in rows],
    }
    return pyarrow.RecordBatch.from_pydict({name: columns[name] for name in schema.names}, schema=schema)
