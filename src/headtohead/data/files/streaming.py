"""Inputs that come line by line, or one by one: standard input and single texts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

from headtohead.config.data import DataConfig, FieldsConfig
from headtohead.data.columns.conversations import conversation_in
from headtohead.data.files.raw_row import Record, nested_names, with_paths
from headtohead.data.files.row_errors import Faults
from headtohead.data.predicting import inputs_of, say_dropped
from headtohead.data.text import RowError, read_input, used_columns
from headtohead.errors import UserError, near_names
from headtohead.grammar import typed

NAME = "standard input"
Read = Callable[[str], dict[str, Any]]


def lines(stream: Iterable[bytes], config: DataConfig) -> Iterator[dict[str, Any]]:
    """Iterate over the inputs of a stream as its lines come: JSON objects where the first line is one, else texts.

    Raises:
        UserError: a table, a bad row where ``data.bad_rows`` is refuse, or no line at all.
    """
    numbered = _numbered(stream, config.encodings[0])
    first = next(numbered, None)
    if first is None:
        raise UserError(f"{NAME} holds no rows")
    faults = Faults(NAME)
    if first[1].lstrip().startswith("{"):
        _require_columns(first[1], config.fields)
        read: Read = partial(_object, columns=used_columns(config.fields))
    else:
        _refuse_table(first[1], config.fields)
        config, read = replace(config, fields=_one_column(config)), _plain
    records = (_record(f"stdin:{number}", line, read) for number, line in chain([first], numbered))
    yield from inputs_of(records, config, faults)
    say_dropped(faults)


def single(text: str, config: DataConfig) -> dict[str, Any]:
    """Return one text as an input.

    Raises:
        UserError: it is empty.
    """
    try:
        found, _ = read_input({"text": text}, _one_column(config))
    except RowError as fault:
        raise UserError(f"task.text: {fault.kind}") from None
    return {"row_id": "text", "text": found, "messages": None}


def _one_column(config: DataConfig) -> FieldsConfig:
    return FieldsConfig(unescape_html=config.fields.unescape_html)


def _numbered(stream: Iterable[bytes], encoding: str) -> Iterator[tuple[int, str]]:
    """Iterate over the lines that are not blank, and their numbers."""
    for number, line in enumerate(stream, start=1):
        marked = number == 1 and encoding.lower() in ("utf-8", "utf8")
        try:
            text = line.decode("utf-8-sig" if marked else encoding)
        except UnicodeDecodeError as error:
            raise UserError(
                f"{NAME}, line {number}: {error}. If that is what it is in, add {typed('data.encodings', ['cp1252'])}"
            ) from None
        if text.strip():
            yield number, text


def _record(row_id: str, line: str, read: Read) -> Record:
    try:
        return Record(row_id, read(line))
    except RowError as fault:
        return Record(row_id, fault=fault)


def _plain(line: str) -> dict[str, Any]:
    return {"text": line}


def _object(line: str, columns: Sequence[str]) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RowError("broken JSON", f"broken JSON: {error}") from None
    if not isinstance(value, dict):
        raise RowError("broken JSON", "one JSON object per line is needed, as in the first line")
    return with_paths(value, columns)


def _require_columns(line: str, fields: FieldsConfig) -> None:
    """Refuse a stream whose first row has other columns: none of its rows could be read."""
    try:
        values = _object(line, used_columns(fields))
    except RowError:
        return
    for column in used_columns(fields):
        if column not in values:
            known = nested_names(values)
            setting = conversation_in(values)
            name = typed("data.fields.text", [next(iter(known), "text")])
            mend = (
                f"One holds conversations, which are read by {setting}"
                if setting
                else f"Name the one with the text, such as {name}"
            )
            raise UserError(f"the first row of {NAME} has no column {column!r}{near_names(column, known)}. {mend}")


def _refuse_table(line: str, fields: FieldsConfig) -> None:
    """Refuse a header or an array: their lines would be classified as texts."""
    cells = {cell.strip().strip('"') for cell in re.split(r"[,;\t|]", line)}
    if cells & set(used_columns(fields)):
        raise UserError(
            f"{NAME} begins with a table's header ({line.strip()[:60]}): save it to a file and name that by task.input"
        )
    if re.match(r"\s*\[\s*(\{|$)", line):
        raise UserError(f"{NAME} is a JSON array: write one object per line, as jq -c '.[]' does")
