"""JSON documents: a list of rows, pandas' orientations, or rows somewhere inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from headtohead.data.files.input_file import InputFile
from headtohead.data.files.raw_row import nested_names, walk, with_paths
from headtohead.errors import UserError
from headtohead.grammar import typed

Rows = list[Any]
DEPTH = 4
"""Objects within objects in which lists of rows are looked for."""


def rows_of(document: Any, file: InputFile) -> Rows:
    """Return the rows of a document.

    Raises:
        UserError: it has none, or several orientations are possible.
    """
    dialect = file.how.dialect
    inside = _at(document, dialect.rows_at, file)
    if dialect.orientation != "auto":
        rows = ORIENTATIONS[dialect.orientation](inside)
        if rows is None:
            raise UserError(f"{file.path} is not written in data.dialect.orientation={dialect.orientation}")
        return rows
    if isinstance(inside, list):
        return inside
    return _recognised(inside, file)


def _at(document: Any, path: str, file: InputFile) -> Any:
    if not path:
        return document
    found = walk(document, path)
    if found is None:
        known = f"; it has {', '.join(map(str, list(document)[:12]))}" if isinstance(document, dict) else ""
        raise UserError(f"data.dialect.rows_at={path}: {file.path} has nothing there{known}")
    return found


def _recognised(document: Any, file: InputFile) -> Rows:
    """Return the rows in the one orientation in which they have the wanted columns."""
    if not isinstance(document, dict):
        raise UserError(f"{file.path} holds no rows but {type(document).__name__} {str(document)[:60]!r}")
    for name in ("split", "table", "columns", "index"):
        rows = ORIENTATIONS[name](document)
        if rows and _have_columns(rows, file):
            file.say(f"JSON in pandas' orientation {name!r}, {len(rows):,} rows", f"data.dialect.orientation={name}")
            return rows
    return [document] if _have_columns([document], file) else _inside(document, file)


def _inside(document: dict[str, Any], file: InputFile) -> Rows:
    """Return the one list in a document whose rows have the wanted columns."""
    lists = dict(_lists(document))
    fitting = [key for key, value in lists.items() if _have_columns(value, file)]
    if len(fitting) == 1:
        file.say(f"the rows are the list {fitting[0]!r} of the document", typed("data.dialect.rows_at", fitting[0]))
        return lists[fitting[0]]
    for key in fitting or lists:
        others = "; ".join(f"{name!r} of {', '.join(nested_names(rows[0])[:12])}" for name, rows in lists.items())
        raise UserError(
            f"{file.path} is one JSON object; lists of rows in it: {others}. Set {typed('data.dialect.rows_at', key)}, and "
            "data.fields where the columns have other names"
        )
    return [document]


def _lists(document: dict[str, Any], above: str = "", depth: int = 1) -> Iterator[tuple[str, Rows]]:
    """Yield lists of objects in a document with their dotted paths, outer ones first."""
    inner = []
    for key, value in document.items():
        path = f"{above}{key}"
        if isinstance(value, list) and value and isinstance(value[0], dict):
            yield path, value
        elif isinstance(value, dict) and depth < DEPTH:
            inner.append((value, f"{path}."))
    for value, path in inner:
        yield from _lists(value, path, depth + 1)


def _have_columns(rows: Rows, file: InputFile) -> bool:
    """Whether any row has all columns (rows may lack some), and none has a whole column for its text."""
    found = [with_paths(row, file.columns) for row in rows if isinstance(row, dict)]
    return any(all(column in row for column in file.columns) for row in found) and not any(
        _is_column(row.get(file.how.text)) for row in found
    )


def _records(document: Any) -> Rows | None:
    return document if isinstance(document, list) else None


def _split(document: Any) -> Rows | None:
    """{"columns": [...], "index": [...], "data": [[...], ...]}."""
    if not isinstance(document, dict):
        return None
    columns, data = document.get("columns"), document.get("data")
    if (
        not isinstance(columns, list)
        or not isinstance(data, list)
        or not all(isinstance(name, str) for name in columns)
    ):
        return None
    fits = (isinstance(row, list) and len(row) == len(columns) for row in data)
    return [dict(zip(columns, row, strict=True)) for row in data] if all(fits) else None


def _table(document: Any) -> Rows | None:
    """{"schema": {...}, "data": [{...}, ...]}."""
    if not isinstance(document, dict) or not isinstance(document.get("schema"), dict):
        return None
    return _records(document.get("data"))


def _columns(document: Any) -> Rows | None:
    """{"text": {"0": ..., "1": ...}, ...}, or lists in place of the inner objects, all of one length."""
    if not isinstance(document, dict) or not document:
        return None
    columns = {name: dict(enumerate(cells)) if _is_column(cells) else cells for name, cells in document.items()}
    first = next(iter(columns.values()))
    if not all(isinstance(cells, dict) and cells.keys() == first.keys() for cells in columns.values()):
        return None
    return [{name: cells[place] for name, cells in columns.items()} for place in first]


def _is_column(cells: Any) -> bool:
    """Whether a list holds the cells of a column; objects in it are messages of a single row."""
    return isinstance(cells, list) and not any(isinstance(cell, dict) for cell in cells)


def _index(document: Any) -> Rows | None:
    """{"0": {"text": ...}, "1": {"text": ...}, ...}."""
    if not isinstance(document, dict) or not all(isinstance(row, dict) for row in document.values()):
        return None
    return list(document.values())


ORIENTATIONS: dict[str, Callable[[Any], Rows | None]] = {
    "records": _records,
    "values": _records,
    "split": _split,
    "table": _table,
    "columns": _columns,
    "index": _index,
}
