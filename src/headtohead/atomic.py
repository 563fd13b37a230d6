"""Files and folders that appear whole or not at all.

Everything the project writes and may read again after a crash goes through here: written beside its place under a
temporary name, flushed to disk, then renamed. ``on_step`` is called before and after every write and rename (and every
append to a sweep's journal), so that tests can kill the process at each of those moments.

Who may read them is the umask's to say, as of any file: safetensors and Python's ``tempfile`` make theirs 0600. The mode is
that of a file or folder made here, since reading the umask would change it for every thread.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

on_step: Callable[[str, Path], None] = lambda moment, path: None  # noqa: E731 - a hook that tests replace


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _temporary(path: Path) -> Path:
    number = f"{os.getpid()}-{secrets.token_hex(4)}"  # hosts that share a disk may have processes of one number
    return path.with_name(f".{path.name}.{number}.tmp")


def _open_as_made(path: Path, made: int) -> None:
    """Give what a library made with permissions of its own those of something ``made`` here; executable stays executable."""
    mode = stat.S_IMODE(path.stat().st_mode)
    opened = mode & ~0o777 | made & (0o777 if mode & 0o111 else 0o666)
    if opened != mode:
        path.chmod(opened)


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    """Turn what libraries written in Rust (safetensors) say of a disk into the OSError that Python would raise."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write; on success it replaces ``path`` in one rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    on_step("before write", path)
    try:
        temporary.touch()
        made = temporary.stat().st_mode
        with _disk_errors(path):
            yield temporary
        _open_as_made(temporary, made)
        _sync(temporary)
        on_step("after write", path)
        os.replace(temporary, path)
        on_step("after rename", path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder to fill; on success it takes the place of ``path``.

    Renaming a folder over a non-empty one is not possible, so the old one is moved aside first; ``settle`` undoes
    a crash between the two renames.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    settle(path)
    temporary, old = _temporary(path), _aside(path)
    shutil.rmtree(temporary, ignore_errors=True)
    on_step("before write", path)
    try:
        temporary.mkdir()
        made = temporary.stat().st_mode
        with _disk_errors(path):
            yield temporary
        for file in temporary.rglob("*"):
            if not file.is_symlink():  # what it leads to is not ours
                _open_as_made(file, made)
            if file.is_file():
                _sync(file)
        on_step("after write", path)
        if path.exists():
            os.rename(path, old)
            on_step("between renames", path)
        os.rename(temporary, path)
        on_step("after rename", path)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def scratch(path: Path) -> Iterator[Path]:
    """Yield a temporary folder that nothing becomes of; what a crash leaves of it goes with ``settle(path)``."""
    temporary = _temporary(path)
    temporary.mkdir(parents=True)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def settle(path: Path) -> None:
    """Put back the folder a crash left moved aside, and drop leftovers of ``new_folder`` and ``new_file``."""
    old = _aside(path)
    if old.exists():
        if path.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.rename(old, path)
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with new_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write strict JSON (no NaN) atomically, keys in the order given."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
