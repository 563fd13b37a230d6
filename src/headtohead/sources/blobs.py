"""What the hub's library has stored is what the hub named: the library itself compares sizes alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from headtohead.errors import UserError

HEX = set("0123456789abcdef")


def require_named_content(folder: Path, names: Iterable[str]) -> None:
    """Hold the files of a snapshot against the hashes that their blobs are named by.

    The hub names a large file by the SHA-256 of its content and a small one by its git object id. Where the cache keeps
    no blobs (a file system without links) there is no name to hold it against.

    Raises:
        UserError: a file holds something else; it is deleted, so that the next run fetches it again.
    """
    for name in names:
        blob = (folder / name).resolve()
        if blob.parent.name == "blobs" and not _is_named_by_content(blob):
            blob.unlink()
            raise UserError(
                f"{name} from the hub does not have the hash {blob.name[:12]}... that the hub names it by: the download "
                "was damaged. It has been deleted; run the same command again"
            )


def _is_named_by_content(blob: Path) -> bool:
    expected = blob.name
    if not set(expected) <= HEX or len(expected) not in (40, 64):
        return True
    with blob.open("rb") as file:
        if len(expected) == 64:
            return hashlib.file_digest(file, "sha256").hexdigest() == expected
        digest = hashlib.sha1(f"blob {blob.stat().st_size}\0".encode(), usedforsecurity=False)
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest() == expected
