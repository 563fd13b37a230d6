"""Which files are which split, and what is in them."""

from __future__ import annotations

import glob
import hashlib
from dataclasses import dataclass
from pathlib import Path

from headtohead.config.data import DataConfig
from headtohead.config.formats import ENDINGS, PACKED_ENDINGS
from headtohead.data.files.folders import walk
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
            for file in walk(path).files if path.is_dir() else [path]:
                inside = file.relative_to(path).as_posix() if path.is_dir() else ""
                digest.update(f"{name}/{inside}\0{_sha256(file)}\n".encode())
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
        found.append(SplitFiles(split, tuple(paths), tuple(_name(path, base, split) for path in paths)))
    _refuse_shared(found)
    return found


def _refuse_shared(found: list[SplitFiles]) -> None:
    """Refuse a file that stands in two splits: every row of it would leak."""
    owner: dict[Path, str] = {}
    for files in found:
        for path in files.paths:
            other = owner.setdefault(path.resolve(), files.split)
            if other != files.split:
                raise UserError(
                    f"data.files.{other} and data.files.{files.split} are the same file, {path}: every row would stand in "
                    f"both splits. Name another file, or leave data.files.{files.split} out to cut it from train"
                )


def hub_patterns(config: DataConfig) -> list[str]:
    """Return what to fetch from the hub: only the files of the splits that are used."""
    return [pattern for entry in config.files.values() for pattern in _layouts(entry)]


def _resolve(split: str, entry: str, base: Path, fetched: Fetched) -> list[Path]:
    if entry in (".", ""):
        return [fetched.path]
    exact = base / Path(entry).expanduser()
    if exact.exists() and fetched.kind != "hub":
        return [exact]
    within = Path(glob.escape(str(base)))
    found = {Path(path) for pattern in _layouts(entry) for path in glob.glob(str(within / pattern), recursive=True)}
    if not found:
        raise UserError(f"data.files.{split}={entry!r}: there is no {exact}{near_files(exact)}")
    return sorted(found)


def _name(path: Path, base: Path, split: str) -> str:
    if path == base:
        return ""
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else f"{split}/{path.name}"


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as reader:
            return hashlib.file_digest(reader, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror or error}") from None


def _layouts(entry: str) -> list[str]:
    """Return a path or glob as it is; of a split's name, the places where hub data sets keep it."""
    if Path(entry).suffix.lower() in (*ENDINGS, *PACKED_ENDINGS) or "*" in entry:
        return [entry]
    folder, _, split = entry.rpartition("/")
    stems = [f"{folder}/{split}"] if folder else [split, f"data/{split}", f"default/{split}"]
    return [
        f"{stem}{joint}{ending}{packed}"
        for stem in stems
        for joint in ("", "-*", "/*")
        for ending in ENDINGS
        for packed in ("", *PACKED_ENDINGS)
    ]
