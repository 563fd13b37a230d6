"""Which files are which split, and what is in them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from headtohead.config.data import DataConfig
from headtohead.data.reading import ENDINGS, text_files
from headtohead.errors import UserError
from headtohead.sources import Fetched, near_files


@dataclass(frozen=True, slots=True)
class SplitFiles:
    """The files of one split, in order; a folder of text files is one entry."""

    split: str
    paths: tuple[Path, ...]
    names: tuple[str, ...]
    """What row ids call each path: its place below the source, the same on any machine."""

    def content_hash(self) -> str:
        """Return a hash of names and bytes: equal content gives the same on any machine."""
        digest = hashlib.sha256()
        for path, name in zip(self.paths, self.names, strict=True):
            for file in text_files(path) if path.is_dir() else [path]:
                inside = file.relative_to(path).as_posix() if path.is_dir() else ""
                with file.open("rb") as reader:
                    content = hashlib.file_digest(reader, "sha256").hexdigest()
                digest.update(f"{name}/{inside}\0{content}\n".encode())
        return digest.hexdigest()


def split_files(config: DataConfig, fetched: Fetched) -> list[SplitFiles]:
    """Find the files of every entry of ``data.files``.

    Raises:
        UserError: nothing is there; names what is.
    """
    base = fetched.path if fetched.path.is_dir() else fetched.path.parent
    found = []
    for split, entry in config.files.items():
        paths = _resolve(split, entry, base, fetched)
        names = [path.relative_to(base).as_posix() if path.is_relative_to(base) else path.name for path in paths]
        found.append(SplitFiles(split, tuple(paths), tuple("" if name == "." else name for name in names)))
    return found


def hub_patterns(config: DataConfig) -> list[str]:
    """Return what to fetch from the hub: only the files of the splits that are used."""
    return [pattern for entry in config.files.values() for pattern in _hub_layouts(entry)]


def _resolve(split: str, entry: str, base: Path, fetched: Fetched) -> list[Path]:
    if entry in (".", ""):
        return [fetched.path]
    exact = base / Path(entry).expanduser()
    if exact.exists():
        return [exact]
    patterns = _hub_layouts(entry) if fetched.kind == "hub" else [entry]
    found = sorted({path for pattern in patterns for path in base.glob(pattern) if path.is_file()})
    if not found:
        raise UserError(f"data.files.{split}={entry!r}: there is no {exact}{near_files(exact)}")
    return found


def _hub_layouts(entry: str) -> Iterable[str]:
    """Return the places where hub data sets keep a split: '<configuration>/<split>' or '<split>'."""
    if Path(entry).suffix.lower() in ENDINGS or "*" in entry:
        return [entry]
    folder, _, split = entry.rpartition("/")
    folders = [folder] if folder else ["", "data", "default"]
    stems = [f"{place}/{split}" if place else split for place in folders]
    return [
        f"{stem}{tail}" for stem in stems for tail in ("-*.parquet", "/*.parquet", *(f"{ending}" for ending in ENDINGS))
    ]
