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
        UserError: another command controls this sweep.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".controller.lock", timeout=0):
            yield
    except Timeout:
        raise UserError(
            f"another command controls the sweep in {folder}: wait for it, stop it, or set hydra.sweeper.study_name"
        ) from None
