"""All rows of a split's files as a memory-mapped Arrow table, converted once per content and way of reading."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Num, UInt64

from headtohead import atomic
from headtohead.config.data import DataConfig
from headtohead.data.conversion import FACTS, KEYS, LABELS, LAYOUT, ROWS, convert, found_names
from headtohead.data.files import SplitFiles
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
    """Label names in force, hash of the files, bad rows, files in another encoding, notices."""


def open_table(files: SplitFiles, config: DataConfig, names: Sequence[str] | None, cache: Path) -> Table:
    """Return the table of a split, converting its files unless the same content was converted before.

    Args:
        files: what to read.
        config: how to read it.
        names: label names in force; null means as configured, else the distinct values in these files.
        cache: the cache folder.

    Raises:
        UserError: the files cannot be read, or hold bad rows that are not to be dropped.
    """
    content_hash = files.content_hash()
    key = _key(content_hash, config, names)
    folder = cache / "tables" / key
    with locked(cache, f"table-{key}"):
        atomic.settle(folder)
        if not folder.exists():
            in_force = names or config.labels.names or found_names(files, config)
            with atomic.new_folder(folder) as temporary:
                facts = convert(files, config, in_force, temporary)
                atomic.write_json(temporary / FACTS, {"content_hash": content_hash, **facts})
    return _open(folder)


def _key(content_hash: str, config: DataConfig, names: Sequence[str] | None) -> str:
    """Return a hash of all that the conversion depends on."""
    reading = {
        "layout": LAYOUT,
        "content": content_hash,
        "names": list(names or config.labels.names),
        "encodings": config.encodings,
        "format": config.format,
        "dialect": asdict(config.dialect),
        "fields": asdict(config.fields),
        "labels": [config.labels.kind, config.labels.map, config.labels.separator],
        "group": config.group,
        "bad_rows": config.bad_rows,
    }
    return hashlib.sha256(json.dumps(reading, sort_keys=True).encode()).hexdigest()[:20]


def _open(folder: Path) -> Table:
    import datasets

    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in (*KEYS, LABELS)}
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    return Table(rows=datasets.Dataset.from_file(str(folder / ROWS)), facts=facts, **arrays)
