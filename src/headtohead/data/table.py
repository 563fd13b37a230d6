"""All rows of a split's files as a memory-mapped Arrow table, converted once per content and way of reading."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Num, UInt64

from headtohead import atomic
from headtohead.config.data import DataConfig
from headtohead.data.columns.label_notices import of_survey
from headtohead.data.columns.label_parsing import Writing
from headtohead.data.conversion import FACTS, KEYS, LABELS, LAYOUT, ROWS, convert, survey_of
from headtohead.data.files.split_files import SplitFiles
from headtohead.sources import locked

if TYPE_CHECKING:
    import datasets


@dataclass(frozen=True, slots=True)
class Table:
    """The rows, and what splitting needs to know of them: memory-mapped arrays of eight bytes a row."""

    rows: datasets.Dataset
    text: UInt64[np.ndarray, " rows"]
    """Equal for equal texts."""
    group: UInt64[np.ndarray, " rows"]
    """Equal for equal groups."""
    content: UInt64[np.ndarray, " rows"]
    """Hash of everything in the row."""
    identity: UInt64[np.ndarray, " rows"]
    """Hash of the row id."""
    labels: Num[np.ndarray, "rows ..."]
    """Columns (single, ordinal), zeros and ones per column (multi), or scores (real)."""
    facts: dict[str, Any]
    """Hash of the files, bad rows, files in another encoding, notices; of the training file how its answers are written."""


def open_table(files: SplitFiles, config: DataConfig, writing: Writing | None, cache: Path) -> Table:
    """Return the table of a split, converting its files unless the same content was converted before.

    Args:
        files: what to read.
        config: how to read it.
        writing: how answers are written, as in the training file; null for that file itself.
        cache: the cache folder.

    Raises:
        UserError: the files cannot be read, or hold bad rows that are not to be dropped.
    """
    content_hash = files.content_hash()
    key = _key(content_hash, config, writing)
    folder = cache / "tables" / key
    with locked(cache, f"table-{key}"):
        atomic.settle(folder)
        if not folder.exists():
            with atomic.new_folder(folder) as temporary:
                facts = _convert(files, config, writing, temporary)
                atomic.write_json(temporary / FACTS, {"content_hash": content_hash, **facts})
    return _open(folder)


def _convert(files: SplitFiles, config: DataConfig, writing: Writing | None, folder: Path) -> dict[str, Any]:
    """Convert the files of a split, the training file's with a survey of its labels first; return what to remember."""
    if writing is not None:
        return convert(files, config, writing, folder)
    found = survey_of(files, config)
    facts = convert(files, config, found.writing, folder)
    notices = [*facts["notices"], *(notice.as_dict() for notice in of_survey(found, config))]
    return {**facts, "writing": found.writing.as_dict(), "rare": found.rare, "notices": notices}


def _key(content_hash: str, config: DataConfig, writing: Writing | None) -> str:
    """Return a hash of all that the conversion depends on."""
    reading = {
        "layout": LAYOUT,
        "content": content_hash,
        "writing": writing.as_dict() if writing else asdict(config.labels),
        "encodings": config.encodings,
        "format": config.format,
        "dialect": asdict(config.dialect),
        "fields": asdict(config.fields),
        "group": config.group,
        "bad_rows": config.bad_rows,
    }
    return hashlib.sha256(json.dumps(reading, sort_keys=True).encode()).hexdigest()[:20]


def _open(folder: Path) -> Table:
    import datasets

    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in (*KEYS, LABELS)}
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    return Table(rows=datasets.Dataset.from_file(str(folder / ROWS)), facts=facts, **arrays)
