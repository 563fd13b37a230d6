"""Inputs without labels, streamed: what ``task=predict`` reads of a file."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from headtohead.config.data import DataConfig
from headtohead.data.columns.cells import cell
from headtohead.data.files.input_file import Reading
from headtohead.data.files.raw_row import Record
from headtohead.data.files.row_errors import Faults
from headtohead.data.files.row_reading import read_records
from headtohead.data.text import RowError, read_input, used_columns
from headtohead.errors import UserError
from headtohead.sources import near_files

log = logging.getLogger(__name__)


def inputs(path: Path, config: DataConfig, declared: str) -> Iterator[dict[str, Any]]:
    """Iterate over ``row_id``, ``text`` and ``messages`` of each row.

    Raises:
        UserError: no such file, a missing column, a bad row where ``data.bad_rows`` is refuse.
    """
    if not path.exists():
        raise UserError(f"there is no {path}{near_files(path)}")
    return _inputs(path, config, _reading(config, declared), Faults(str(path)))


def count(path: Path, config: DataConfig, declared: str) -> int:
    """Read a file through, tell what was recognised and will be left out, and return how many inputs it holds.

    Raises:
        UserError: as ``inputs``; there is none.
    """
    if not path.exists():
        raise UserError(f"there is no {path}{near_files(path)}")
    faults, reading = Faults(str(path)), _reading(config, declared)
    found = sum(1 for _ in _inputs(path, config, reading, faults))
    for notice in reading.notices:
        print(notice, flush=True)
    say_dropped(faults)
    if not found:
        raise UserError(f"{path} holds no {'usable ' if faults.kinds else ''}rows")
    return found


def _reading(config: DataConfig, declared: str) -> Reading:
    reading = Reading.of(config)
    reading.format = declared
    return reading


def _inputs(path: Path, config: DataConfig, reading: Reading, faults: Faults) -> Iterator[dict[str, Any]]:
    name = "" if path.is_dir() else path.name
    own_id = [config.fields.id] if config.fields.id else []
    return inputs_of(read_records(path, name, reading, used_columns(config.fields), own_id), config, faults)


def inputs_of(records: Iterable[Record], config: DataConfig, faults: Faults) -> Iterator[dict[str, Any]]:
    """Iterate over the inputs of records; bad ones are counted.

    Raises:
        UserError: a bad row where ``data.bad_rows`` is refuse.
    """
    for record in records:
        faults.read += 1
        try:
            text, messages = read_input(record.values, config.fields)
        except RowError as fault:
            faults.add(record.row_id, fault)
            if config.bad_rows == "refuse":
                faults.refuse_first()
            continue
        given = cell(record.values, config.fields.id, config.fields) if config.fields.id else None
        yield {"row_id": record.row_id if given is None else str(given), "text": text, "messages": messages}


def say_dropped(faults: Faults) -> None:
    """Log how many rows were left out, and why."""
    if faults.kinds:
        kinds = dict(faults.kinds)
        log.warning("%s: %d of %d rows left out: %s", faults.name, faults.kinds.total(), faults.read, kinds)
