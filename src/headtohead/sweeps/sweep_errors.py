"""When a sweep cannot go on for a reason outside it: a full disk, a storage that is gone. Nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headtohead import atomic
from headtohead.errors import DiskFull, UserError, is_disk_full
from headtohead.sweeps.study.storage import is_storage_failure, reason_of, without_password

KEPT = "Everything that has finished is kept, and the same command goes on"
PROBE_BYTES = 2**16


@contextmanager
def cut_short(folder: Path, storage: str) -> Iterator[None]:
    """Say why a sweep ended, and how to go on.

    Args:
        folder: of the sweep.
        storage: URL.

    Raises:
        UserError: instead of what the disk or the storage raised.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        refuse_full_disk(folder, error)
        if is_storage_failure(error):
            shown = without_password(storage, storage)
            raise UserError(f"the sweep stopped: {reason_of(error, storage)} (storage {shown}). {KEPT}") from error
        raise


def refuse_full_disk(folder: Path, error: BaseException | None) -> None:
    """End the sweep if an error came of a full disk; a job's own words may not have found room either.

    Raises:
        DiskFull: nothing more can be written in the folder.
    """
    if error is None:
        return
    full = f"no disk space left in {folder}: free some. {KEPT}"
    if is_disk_full(error) or isinstance(error, DiskFull):
        raise DiskFull(full) from error
    try:
        probe = folder / ".space"
        atomic.write_text(probe, " " * PROBE_BYTES)
        probe.unlink()
    except OSError as found:
        if is_disk_full(found):
            raise DiskFull(full) from error
