"""What own data leave open (columns of text and label, several labels in a cell) and their files say: taken where certain.

``data.fields.text: null``, ``data.fields.label: null`` and ``data.labels.kind: auto`` leave it open. Columns called ``text``
and ``label`` are taken as they are, else the only ones with a usual name; cells that are all lists hold several labels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from headtohead.config.data import DataConfig
from headtohead.config.typed_config import build_data
from headtohead.data.columns.cells import cell, is_list_for_sure, is_written_list, truth
from headtohead.data.columns.column_choice import Open, chosen, notice_of
from headtohead.data.columns.own_columns import LABEL, TEXT, Columns, Fields
from headtohead.data.files.input_file import Reading
from headtohead.data.files.row_reading import HELD, read_records
from headtohead.data.files.split_files import SplitFiles, split_files
from headtohead.data.text import used_columns
from headtohead.errors import UserError
from headtohead.notices import Notice
from headtohead.sources import fetch

READ = ("name", "source", "format", "dialect", "encodings", "files", "group")
"""Of ``data``, beside fields and kind, how rows are read: configurations that differ in anything else are looked at once."""
USUAL: Fields = {"text": [TEXT], "label": LABEL}
MOST_CELLS = 100_000
"""Label cells that are looked at for one that is no list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """What was left open, settled."""

    fields: Fields
    """Of ``data.fields``, as a person would have typed it."""
    kind: str
    """Of the labels."""
    notices: tuple[Notice, ...] = ()


def recognised(data: Mapping[str, Any]) -> Recognised | None:
    """Settle what a data set's settings leave open; None where they leave nothing.

    Args:
        data: plain values of the ``data`` group.

    Raises:
        UserError: columns that may be meant in several ways; the message has a line for each.
    """
    open_ = Open.of(data)
    if data["fields"]["text"] is not None and not open_.label and not open_.kind:
        return None
    given = {key: value for key, value in data["fields"].items() if value is not None}
    labels = data["labels"]
    is_multi = labels.get("separator") is not None or labels.get("unlabelled") == "none"  # no other kind has these
    kind = ("multi" if is_multi else "single") if open_.kind else str(labels["kind"])
    usual = Recognised(fields=USUAL | given, kind=kind)
    read = {key: data[key] for key in READ if key in data}
    plain = json.dumps({**read, "fields": usual.fields, "labels": {"kind": kind}})
    try:
        files = _training_files(build_data(json.loads(plain)))
    except UserError:  # it is refused where it is used
        return usual
    found = _look(plain, open_, files, _state(files)) if files else None
    return replace(found, fields=usual.fields | found.fields) if found else usual


def _training_files(config: DataConfig) -> SplitFiles | None:
    """Return the training files, if they are tables on this disk."""
    if config.source.kind != "path":
        return None
    found = split_files(config, fetch(config.source, Path(), setting="data.source"))
    (train,) = (files for files in found if files.split == "train")
    return None if any(path.is_dir() for path in train.paths) else train


def _state(files: SplitFiles) -> tuple[tuple[int, int], ...]:
    """Return what changes when the files do."""
    return tuple((path.stat().st_mtime_ns, path.stat().st_size) for path in files.paths)


@lru_cache(maxsize=64)
def _look(plain: str, open_: Open, files: SplitFiles, state: tuple[tuple[int, int], ...]) -> Recognised | None:
    """Return what the files say; None where they do not have the columns or cannot be read, which their reader says."""
    config = build_data(json.loads(plain))
    fields = config.fields
    others = [name for name in (config.group, fields.id) if name]
    columns = _columns(files, config, [*used_columns(fields), *fields.label_columns])
    taken: Fields | None = {}
    if columns is None or (open_.input and columns.conversation(used_columns(fields)[0])):
        given = [*([] if open_.input else used_columns(fields)), *([] if open_.label else fields.label_columns)]
        columns = _columns(files, config, given)
        taken = chosen(columns, fields, open_, files.paths[0], others) if columns else None
    if columns is None or taken is None:
        return None
    is_open = open_.kind and config.labels.kind == "single"
    several = _several(files, replace(config, fields=replace(fields, **taken)), columns) if is_open else ""
    notice = notice_of(taken, columns, several)
    said = [replace(notice, text=f"{files.paths[0].name}: {notice.text}")] if notice else []
    return Recognised(fields=taken, kind="multi" if several else config.labels.kind, notices=tuple(said))


def _columns(files: SplitFiles, config: DataConfig, wanted: Sequence[str]) -> Columns | None:
    """Return the columns of the first file, all of them where none is wanted; None where a wanted one is missing."""
    try:
        records = read_records(files.paths[0], files.names[0], Reading.of(config), wanted)
        found = Columns([record.columns for record in islice(records, HELD) if not record.fault])
    except UserError:
        return None
    return found if set(wanted) <= found.names else None


def _several(files: SplitFiles, config: DataConfig, columns: Columns) -> str:
    """Return what shows that a row may have several labels: every cell a list, or columns of which not one alone applies.

    Empty where nothing does. The rows at hand rule lists out where one of their cells is none; else all are read.
    """
    labels = config.fields.label_columns
    try:
        if len(labels) > 1:
            applied = _apply_together(islice(_cells(files, config), MOST_CELLS))
            return "not always exactly one of the label columns applies" if applied else ""
        held = (cell({labels[0]: value}, labels[0], config.fields) for value in columns.values.get(labels[0], []))
        if not all(value is None or is_written_list(value) for value in held):
            return ""
        return "the labels are lists" if _are_lists(row[0] for row in islice(_cells(files, config), MOST_CELLS)) else ""
    except UserError:
        return ""


def _cells(files: SplitFiles, config: DataConfig) -> Iterator[list[Any]]:
    """Iterate over the label cells of the rows that can be read."""
    fields, how = config.fields, Reading.of(config)
    for path, name in zip(files.paths, files.names, strict=True):
        for record in read_records(path, name, how, [*used_columns(fields), *fields.label_columns]):
            if not record.fault:
                yield [cell(record.columns, column, fields) for column in fields.label_columns]


def _are_lists(cells: Iterator[Any]) -> bool:
    is_sure = False
    for value in cells:
        if value is not None and not is_written_list(value):
            return False
        is_sure = is_sure or (value is not None and is_list_for_sure(value))
    return is_sure


def _apply_together(rows: Iterator[list[Any]]) -> bool:
    is_one = True
    for row in rows:
        flags = [value is not None and truth(value) for value in row]
        if None in flags:
            return False
        is_one = is_one and (flags.count(True) == 1 or all(value is None for value in row))
    return not is_one
