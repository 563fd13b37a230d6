"""Which formats data come in, and which endings of file names say so."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """A format's reader, a module of ``headtohead.data.formats`` with ``read(file)``, and its endings."""

    reader: str
    endings: tuple[str, ...] = ()


FORMATS: dict[str, Format] = {
    "jsonl": Format("json_rows", (".jsonl", ".ndjson")),
    "json": Format("json_rows", (".json",)),
    "csv": Format("table", (".csv",)),
    "tsv": Format("table", (".tsv",)),
    "tab": Format("table", (".tab",)),
    "txt": Format("table", (".txt",)),
    "parquet": Format("parquet", (".parquet",)),
    "folder": Format("folder"),
}
ENDINGS = {ending: name for name, known in FORMATS.items() for ending in known.endings}
PACKED_ENDINGS = (".gz", ".bz2", ".xz", ".zst", ".zip")
"""Of compressed files, behind the ending of the format."""
