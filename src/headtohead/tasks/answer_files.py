"""Where answers go: a file that appears whole, or standard output. Whatever can be known of it is checked beforehand."""

from __future__ import annotations

import csv
import errno
import json
import logging
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, TextIO

from headtohead import atomic
from headtohead.errors import UserError
from headtohead.grammar import typed

ENDINGS = (".jsonl", ".csv", ".parquet")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")
Row = dict[str, Any]
Write = Callable[[list[Row]], None]


def check_target(target: Path, source: Path | None, *, replace: bool) -> None:
    """Refuse a file that could not, or should not, be written.

    Args:
        source: the file that is read.
        replace: whether an earlier file may be replaced.

    Raises:
        UserError: an unknown ending, a folder, the file that is read, one that is there already, or a place that
            cannot be written.
    """
    if target.is_dir():
        inside = typed("task.output", str(target / "answers.jsonl"))
        raise UserError(f"task.output={target} is a folder: name a file in it, such as {inside}")
    if target.suffix.lower() not in ENDINGS:
        raise UserError(f"task.output must end in .jsonl, .csv or .parquet, given {target}")
    if source and target.exists() and target.samefile(source):
        raise UserError(f"task.output is task.input: the answers would replace {source}; name another file")
    if target.exists() and not replace:
        raise UserError(f"{target} is there already: name another file by task.output, or add fresh=true to replace it")
    _require_writable(target)


def _require_writable(target: Path) -> None:
    """Try the folder that the file will stand in, or be made in, with a nameless file; nothing is left behind."""
    folder = next(parent for parent in target.absolute().parents if parent.exists())
    try:
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"task.output={target} cannot be written: {folder}: {reason}; name another place") from None


@contextmanager
def answer_file(target: Path) -> Iterator[Write]:
    """Yield a function that appends rows in the format of the ending; the file is there once all are."""
    with atomic.new_file(target) as temporary, _writer(temporary, target.suffix.lower()) as write:
        yield write


@contextmanager
def standard_output() -> Iterator[Write]:
    """Yield a function that prints rows as JSON lines; all else that is printed meanwhile goes to standard error."""
    answers = sys.stdout
    with redirect_stdout(sys.stderr), _logged_to(sys.stderr, instead_of=answers):
        yield lambda rows: _print_lines(answers, rows)


def _print_lines(stream: Any, rows: list[Row]) -> None:
    try:
        stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        stream.flush()
    except BrokenPipeError:  # such as by `head`: whoever reads has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        raise SystemExit(0) from None


@contextmanager
def _logged_to(stream: Any, *, instead_of: Any) -> Iterator[None]:
    handlers = [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is instead_of
    ]
    for handler in handlers:
        handler.setStream(stream)
    try:
        yield
    finally:
        for handler in handlers:
            handler.setStream(instead_of)


@contextmanager
def _writer(path: Path, ending: str) -> Iterator[Write]:
    if ending == ".parquet":
        with _parquet_writer(path) as write:
            yield write
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        if ending == ".jsonl":
            yield lambda rows: file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            return
        table = _Table(file)
        yield table.write
        if table.escaped:
            print(
                f"{table.escaped:,} cells that a spreadsheet would compute (they begin with = + - @ or a control character) "
                "got a ' before them in the CSV file; .jsonl and .parquet hold them as they are"
            )


class _Table:
    """A CSV file in which no text is a formula."""

    def __init__(self, file: TextIO) -> None:
        self._table, self._has_header = csv.writer(file), False
        self.escaped = 0

    def write(self, rows: list[Row]) -> None:
        """Append rows; the first of all brings the header."""
        if not self._has_header:
            self._append(rows[0])
            self._has_header = True
        for row in rows:
            self._append(row.values())

    def _append(self, cells: Iterable[Any]) -> None:
        given = list(cells)
        safe = [without_formula(cell) for cell in given]
        self.escaped += sum(made is not cell for made, cell in zip(safe, given, strict=True))
        self._table.writerow(safe)


def without_formula(value: Any) -> Any:
    """Return a cell that no spreadsheet computes: text that begins as a formula, and is no number, gets a ``'`` before."""
    is_formula = isinstance(value, str) and value.startswith(FORMULA) and not NUMBER.fullmatch(value)
    return f"'{value}" if is_formula else value


@contextmanager
def _parquet_writer(path: Path) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: list[pq.ParquetWriter] = []

    def write(rows: list[Row]) -> None:
        table = pa.Table.from_pylist(rows)
        if not writer:
            writer.append(pq.ParquetWriter(path, table.schema))
        writer[0].write_table(table)

    try:
        yield write
    finally:
        for opened in writer:
            opened.close()
