"""How the command of a job ended, in the job's folder; one that was killed leaves nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from headtohead import atomic

ENDING = "job_end.json"


def write_ending(folder: Path | str, code: int, reason: str) -> None:
    """Say how the command in a folder ended."""
    atomic.write_json(Path(folder) / ENDING, {"code": code, "reason": reason})


def read_ending(folder: Path) -> dict[str, Any] | None:
    """Return how the command in a folder ended, or None if it does not say."""
    try:
        found: dict[str, Any] = json.loads((folder / ENDING).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return found


def forget_ending(folder: Path | str) -> None:
    """Make room for a new attempt's ending."""
    (Path(folder) / ENDING).unlink(missing_ok=True)
