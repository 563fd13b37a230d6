"""Sources on this disk."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from headtohead.config.source import SourceConfig
from headtohead.errors import UserError
from headtohead.sources.fetched import Fetched, kind_of


def from_path(source: SourceConfig, setting: str) -> Fetched:
    """Return a file or folder as it is.

    Raises:
        UserError: it does not exist.
    """
    path = Path(source.name).expanduser().absolute() / source.inside
    if not path.exists():
        raise UserError(
            f"{setting}.name={source.name!r}: there is no {path}{near_files(path)}{_on_the_hub(source, setting)}"
        )
    return Fetched(path=path, kind="path", name=source.name, revision=None, sha256=None)


def _on_the_hub(source: SourceConfig, setting: str) -> str:
    is_an_id = re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", source.name) is not None
    return f". On the hub: model=hub model.id={source.name}" if kind_of(setting) == "model" and is_an_id else ""


def near_files(path: Path) -> str:
    """Return a hint that names the entries of ``path``'s folder that look most like it."""
    folder = path.parent
    if not folder.is_dir():
        return f"; there is no folder {folder} either"
    present = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    close = difflib.get_close_matches(path.name, present, n=3, cutoff=0.5)
    if close:
        return f"; did you mean {' or '.join(close)}?"
    return f"; {folder} holds {', '.join(present[:8])}" if present else f"; {folder} is empty"
