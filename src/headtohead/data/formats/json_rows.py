"""JSON: an object per line, or a document that holds the rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from headtohead.data.files.input_file import InputFile
from headtohead.data.files.raw_row import Record, with_paths
from headtohead.data.formats.json_documents import rows_of
from headtohead.data.text import RowError
from headtohead.errors import UserError
from headtohead.grammar import typed


def read(file: InputFile) -> Iterator[Record]:
    """Yield the rows; a value inside another is named with dots. Lines count from 1, as do a document's rows.

    Raises:
        UserError: no JSON, a document that is broken, or whose orientation is not certain.
    """
    if _is_lines(file):
        yield from _lines(file)
        return
    for number, row in enumerate(rows_of(_document(file), file), start=1):
        yield _record(file, number, row, f"row {number}: an object is")


def _is_lines(file: InputFile) -> bool:
    """Whether every line holds a row, as the first two lines tell; one of them may be broken."""
    dialect = file.how.dialect
    if dialect.orientation != "auto" or dialect.rows_at:
        return dialect.orientation == "lines"
    with file.text() as text:
        first, second, *_ = [*islice(filter(None, map(str.strip, text)), 2), "", ""]
    if first and not first.startswith(("{", "[")) and not second.startswith("{"):
        raise UserError(f"{file.path} is no JSON: it begins with {first[:60]!r}. A table: data.format=csv")
    return bool(second) and (_is_whole(first) or (not first.startswith("[") and _is_whole(second)))


def _is_whole(line: str) -> bool:
    try:
        return isinstance(_parsed(_without_comma(line)), dict | list)
    except RowError:
        return False


def _without_comma(line: str) -> str:
    """Return a line without the comma behind its object, as lines cut out of an array have it."""
    return line.rstrip().removesuffix(",")


def _lines(file: InputFile) -> Iterator[Record]:
    with file.text() as text:
        for number, line in enumerate(text, start=1):
            if not line.strip():
                continue
            try:
                row = _parsed(_without_comma(line))
            except RowError as fault:
                yield Record(f"{file.name}:{number}", fault=RowError(fault.kind, f"line {number}: {fault}"))
                continue
            yield _record(file, number, row, f"line {number}: one JSON object per line is")


def _record(file: InputFile, number: int, row: Any, needed: str) -> Record:
    row_id, names = f"{file.name}:{number}", file.how.dialect.columns
    if isinstance(row, list) and names and len(row) == len(names):
        row = dict(zip(names, row, strict=True))
    if isinstance(row, dict):
        return Record(row_id, with_paths(row, file.wanted))
    hint = ""
    if isinstance(row, list):
        given = [file.how.text, file.how.label, *(f"column{place + 1}" for place in range(2, len(row)))][: len(row)]
        hint = f" of {len(row)} values; name them in their order, such as {typed('data.dialect.columns', given)}"
    return Record(row_id, fault=RowError("not a JSON object", f"{needed} needed, found {type(row).__name__}{hint}"))


def _document(file: InputFile) -> Any:
    """Return what the file holds; several values one after the other are a list of rows."""
    with file.text() as opened:
        text = opened.read()
    decoder, values, place = json.JSONDecoder(object_pairs_hook=_distinct), [], _after_space(text, 0)
    while place < len(text):
        try:
            value, place = decoder.raw_decode(text, place)
        except json.JSONDecodeError as error:
            raise UserError(
                f"{file.path}, line {error.lineno}: broken JSON, {_of_python(error)}{error.msg} at column {error.colno}"
            ) from None
        except (ValueError, RecursionError) as error:
            raise UserError(f"{file.path}, line {text.count(chr(10), 0, place) + 1}: {_words(error)}") from None
        values.append(value)
        place = _after_space(text, place)
    return values[0] if len(values) == 1 else values


def _after_space(text: str, place: int) -> int:
    found = re.compile(r"\S").search(text, place)
    return found.start() if found else len(text)


def _parsed(line: str) -> Any:
    try:
        return json.loads(line, object_pairs_hook=_distinct)
    except json.JSONDecodeError as error:
        raise RowError("broken JSON", f"broken JSON, {_of_python(error)}{error.msg} at column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise RowError("broken JSON", _words(error)) from None


def _of_python(error: json.JSONDecodeError) -> str:
    """Return what is at fault in words, where Python's own writing or a comma too many is."""
    rest, before = error.doc[error.pos :].lstrip(), error.doc[: error.pos].rstrip()
    if before.endswith(",") and rest[:1] in ("]", "}"):
        return "a comma before the closing bracket: "
    if rest.startswith(("'", "None", "True", "False")):
        return "written by Python, not as JSON (json.dumps writes it): "
    return ""


def _words(error: ValueError | RecursionError) -> str:
    nested = isinstance(error, RecursionError)
    return f"broken JSON, {'brackets are nested too deep' if nested else error}"


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice in an object: which value counts is not written anywhere."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for position, (key, _) in enumerate(pairs) if key in dict(pairs[:position]))
        raise ValueError(f"the key {twice!r} stands twice in an object")
    return found
