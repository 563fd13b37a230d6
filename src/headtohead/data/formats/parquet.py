"""Parquet, of which only the wanted columns are read; all of them where none is known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from headtohead.data.files.compressed import open_bytes, packing_of
from headtohead.data.files.input_file import InputFile
from headtohead.data.files.raw_row import Record, with_paths
from headtohead.errors import UserError

if TYPE_CHECKING:
    import pyarrow.parquet

BATCH_ROWS = 1000


def read(file: InputFile) -> Iterator[Record]:
    """Yield the rows; a column inside another is named with dots.

    Raises:
        UserError: a missing column, or a damaged file.
    """
    import pyarrow.parquet

    with _faults(file.path):
        table = pyarrow.parquet.ParquetFile(_source(file.path))
    with table, _faults(file.path):
        names = table.schema_arrow.names
        inner = _inner_names(table)
        in_lists = [column for column in file.wanted if column.split(".")[0] in names]  # known when a row has it
        file.require_columns(dict.fromkeys([*names, *inner, *in_lists]))
        roots = {column if column in names else column.split(".")[0] for column in file.wanted or names}
        blank = dict.fromkeys(column for column in file.wanted if column in inner)
        number = 0
        for batch in table.iter_batches(batch_size=BATCH_ROWS, columns=[name for name in names if name in roots]):
            for values in batch.to_pylist():
                number += 1
                yield Record(f"{file.name}:{number}", {**blank, **with_paths(values, file.wanted)})


def _inner_names(table: pyarrow.parquet.ParquetFile) -> set[str]:
    """Return the names of columns inside others, with dots."""
    leaves = [table.schema.column(place).path.split(".") for place in range(len(table.schema.names))]
    return {".".join(path[:depth]) for path in leaves for depth in range(2, len(path) + 1)}


def _source(path: Path) -> Path | BytesIO:
    """Return the file, unpacked in memory where it is compressed as a whole."""
    if not packing_of(path):
        return path
    with open_bytes(path) as packed:
        return BytesIO(packed.read())


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    """Translate what pyarrow says of a damaged file, which may show at any page."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path} cannot be read as Parquet: {error}") from None
