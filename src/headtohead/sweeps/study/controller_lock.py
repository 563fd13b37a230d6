"""One controller per sweep."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from headtohead.errors import UserError


@contextmanager
def controller_lock(folder: Path) -> Iterator[None]:
    """Hold a sweep's folder; the operating system lets go of it when the process dies.

    Raises:
        UserError: another command controls this sweep, or its folder cannot be written.
    """
    lock = FileLock(folder / ".controller.lock", timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise UserError(
            f"another command controls the sweep in {folder}: wait for it, stop it, or set hydra.sweeper.study_name"
        ) from None
    except OSError as error:
        raise UserError(
            f"the sweep's folder {folder} cannot be written ({error.strerror}): paths.outputs=<folder> puts it elsewhere"
        ) from error
    try:
        yield
    finally:
        lock.release()
