"""The cache folder and its locks."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headtohead.errors import UserError

log = logging.getLogger(__name__)

FULL = {errno.ENOSPC, errno.EDQUOT}


def cache_root(configured: str | None) -> Path:
    """Return the cache folder: as configured, else ``$HEADTOHEAD_CACHE``, else the user's cache folder."""
    import platformdirs

    given = configured or os.environ.get("HEADTOHEAD_CACHE")
    return Path(given).expanduser().absolute() if given else Path(platformdirs.user_cache_dir("headtohead"))


@contextmanager
def locked(cache: Path, entry: str) -> Iterator[None]:
    """Hold the lock of one cache entry: of several processes one does the work and the others find it done.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    import filelock

    try:
        folder = cache / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / f"{entry}.lock")
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            log.info("waiting for another process that is preparing %s", entry)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()
    except OSError as error:
        ours = error.filename is not None and Path(str(error.filename)).is_relative_to(cache)
        if error.errno not in FULL and not ours:
            raise
        raise UserError(
            f"the cache folder {cache} cannot be written: {(error.strerror or str(error)).lower()}. "
            "Make room, or set paths.cache (or HEADTOHEAD_CACHE) to a folder on another disk"
        ) from None
