"""What files hold, as hashes: a name, a size and a time say nothing of it."""

from __future__ import annotations

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from headtohead.errors import UserError

MODEL_PATTERNS = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", "*.tiktoken", "*.spm")
"""Of what loading a checkpoint reads: weights as safetensors only, since a pickle from outside can run anything."""
CODE_PATTERNS = ("*.py",)
"""Read besides, and run, where ``model.trust_remote_code`` says so."""
BELOW = ("", "additional_chat_templates/")
SETTLED_NS = 2_000_000_000
"""A file that changed this shortly before it was hashed may change again within one tick of its clock."""
_known: dict[tuple[int, ...], str] = {}
"""Of this process: hash by device, inode, size and times of a file, the time of any change included."""


def content_of(path: Path) -> dict[str, str]:
    """Return the hash of every file that loading a checkpoint may read, by name; of one file under no name.

    Raises:
        UserError: a file cannot be read.
    """
    if path.is_file():
        return {"": file_hash(path)}
    found = {
        file for below in BELOW for pattern in (*MODEL_PATTERNS, *CODE_PATTERNS) for file in path.glob(below + pattern)
    }
    files = sorted(file for file in found if not file.is_dir())
    with ThreadPoolExecutor() as pool:  # hashing lets go of the interpreter's lock
        hashes = list(pool.map(file_hash, files))
    return {file.relative_to(path).as_posix(): own for file, own in zip(files, hashes, strict=True)}


def file_hash(path: Path) -> str:
    """Return a file's SHA-256; one that this process has hashed, and nobody has touched since, is not read again.

    Raises:
        UserError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            now, about = time.time_ns(), os.fstat(file.fileno())
            key = (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
            if key not in _known:
                found = hashlib.file_digest(file, "sha256").hexdigest()
                if now - max(about.st_mtime_ns, about.st_ctime_ns) < SETTLED_NS:
                    return found
                _known[key] = found
            return _known[key]
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
