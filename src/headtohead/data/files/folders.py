"""The files below a folder: nothing vanishes because it could not be read."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from headtohead.config.formats import PACKED_ENDINGS
from headtohead.errors import UserError

IS_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9_~-]{0,7}$")
"""What counts as an ending: not that of ``1.`` or ``00012.7c53336b37003a9286aba55d2945844c``."""


@dataclass(slots=True)
class Walk:
    """What lies below a folder, sorted."""

    files: list[Path] = field(default_factory=list)
    hidden: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)


def walk(folder: Path) -> Walk:
    """Find all files below a folder; linked folders are followed.

    Raises:
        UserError: a folder cannot be listed, a link leads nowhere or back to where it stands.
    """
    found = Walk()
    for place, folders, names in os.walk(folder, onerror=_refuse, followlinks=True):
        here = Path(place)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for inner in folders:
            _refuse_loop(here / inner)
            found.folders.append(here / inner)
        for name in names:
            (found.hidden if name.startswith(".") else found.files).append(here / name)
    for path in found.files:
        if path.is_symlink() and not path.exists():
            raise UserError(f"{path} is a link that leads nowhere: mend or remove it")
    return Walk(sorted(filter(Path.is_file, found.files)), sorted(found.hidden), sorted(found.folders))


def ending_of(path: Path) -> str:
    """Return the ending of a file's name in small letters, that of a compression aside."""
    name = path.stem if path.suffix.lower() in PACKED_ENDINGS else path.name
    found = IS_ENDING.search(name)
    return found.group().lower() if found and found.start() else ""


def stem_of(path: Path) -> str:
    """Return a file's name without its endings."""
    name = path.stem if path.suffix.lower() in PACKED_ENDINGS else path.name
    return IS_ENDING.sub("", name) or name


def _refuse(error: OSError) -> NoReturn:
    raise UserError(
        f"the folder {error.filename} cannot be read ({error.strerror}): give yourself access, or move it away"
    )


def _refuse_loop(folder: Path) -> None:
    if folder.is_symlink() and folder.parent.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{folder} is a link to a folder that it lies in: remove the link")
