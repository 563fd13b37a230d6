"""What a source turned out to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A folder or file on this disk, and what is needed to name it in a record."""

    path: Path
    kind: str
    name: str
    revision: str | None
    """The hub commit that was read, also where the source named none; the version of a wheel."""
    sha256: str | None
    """Hash of the wheel."""
    content: Mapping[str, str] = field(default_factory=dict)
    """Of a checkpoint: the hash of every file that was there to be read, by name, before any conversion."""


def kind_of(setting: str) -> str:
    """Return ``model`` or ``data``, from the dotted key of a source."""
    return setting.partition(".")[0]


def from_a_folder(setting: str, folder: str = "FOLDER") -> str:
    """Return the overrides that read a model or data from a folder of one's own instead."""
    return f"model=path model.id={folder}" if kind_of(setting) == "model" else f"data=files data.source.name={folder}"
