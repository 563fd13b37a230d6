"""A run's folder: claimed by one process, continued by the same command, never silently overwritten."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from headtohead import atomic
from headtohead.errors import UserError
from headtohead.results import RunRecord, read_record

RECORD = "result.json"
PREDICTIONS = "predictions.parquet"
WEIGHTS = "trained.safetensors"
CHECKPOINTS = "checkpoint"
MODEL = "model"
EXAMPLES = "examples.json"
PAGE = "report.html"
OWN = (RECORD, PREDICTIONS, WEIGHTS, CHECKPOINTS, MODEL, EXAMPLES, "metrics.jsonl", PAGE, "wandb")


EVALUATE = "evaluate"
"""Within the folder: what ``task=evaluate`` writes."""
SCRATCH = ("gate",)
"""Temporary folders: requests to a fresh process, with rows' texts, and its answers."""


@contextmanager
def claim(folder: Path) -> Iterator[None]:
    """Hold the folder's lock.

    Raises:
        UserError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        with lock:
            settle(folder)
            yield
    except Timeout:
        raise UserError(
            f"another process is running in {folder}; wait for it, or change a setting to get another folder"
        ) from None


def settle(folder: Path) -> None:
    """Put right what a killed process left half written, and remove its temporary files; the lock must be held."""
    for place in (folder, folder / EVALUATE):
        for name in (*OWN, *SCRATCH):
            atomic.settle(place / name)


def clear(folder: Path) -> None:
    """Remove what a run wrote; anything else in the folder stays."""
    for name in OWN:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def drop_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of a run that is over: no later command goes on from them."""
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)


def earlier_record(folder: Path) -> RunRecord | None:
    """Return the record of an earlier attempt in this folder, if any."""
    path = folder / RECORD
    return read_record(path) if path.exists() else None


def holds_results(folder: Path) -> bool:
    """Whether there is anything that changed inputs would contradict: a checkpoint, trained weights or predictions."""
    kept = (folder / name for name in (WEIGHTS, PREDICTIONS))
    return any(path.exists() for path in kept) or any((folder / CHECKPOINTS).glob("step-*"))


def page_is_current(folder: Path) -> bool:
    """Whether the page was written after the record it shows."""
    page, record = folder / PAGE, folder / RECORD
    return page.exists() and page.stat().st_mtime_ns >= record.stat().st_mtime_ns


def refuse_changes(earlier: RunRecord, folder: Path, **now: Any) -> None:
    """Refuse to continue a run whose code or data have changed since, naming what.

    Raises:
        UserError: something differs.
    """
    then = {"code": earlier.provenance.get("code"), "data": earlier.data.get("fingerprint")}
    changed = [
        f"{name} was {then[name]}, is {value}" for name, value in now.items() if then.get(name) not in (None, value)
    ]
    if changed:
        commit = (earlier.provenance.get("git") or {}).get("commit")
        made = f" (commit {commit[:10]})" if commit else ""
        raise UserError(
            f"{folder} holds a run made by other inputs{made}: {'; '.join(changed)}. "
            "Add fresh=true to start anew, or go back to what it was made by"
        )
