"""What lies in the folder of a run, read with patience: a run that died early still has a page."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from headtohead.errors import UserError
from headtohead.results import Predictions, RunRecord, read_predictions, read_record
from headtohead.results.record import as_stored


@dataclass(slots=True, kw_only=True)
class RunFolder:
    """Everything the page shows; ``notices`` say what is missing or damaged."""

    record: RunRecord
    predictions: Predictions | None = None
    steps: list[dict[str, Any]] = field(default_factory=list)
    """Logged values, one entry per optimiser step, in order."""
    texts: dict[str, str] = field(default_factory=dict)
    """Row id to text, for the rows that were stored as examples."""
    notices: list[str] = field(default_factory=list)


def read_folder(folder: Path, record: RunRecord | None = None) -> RunFolder:
    """Read a run's folder.

    Args:
        record: as it will stand in the folder; None reads ``result.json``.

    Raises:
        UserError: there is no readable ``result.json``.
    """
    run = RunFolder(record=as_stored(record) if record else read_record(folder / "result.json"))
    _read_predictions(run, folder / "predictions.parquet")
    _read_steps(run, folder / "metrics.jsonl")
    _read_texts(run, folder / "examples.json")
    return run


def _read_predictions(run: RunFolder, path: Path) -> None:
    if not path.is_file():
        run.notices.append("No predictions are stored: the run ended before it scored anything.")
        return
    try:
        predictions = read_predictions(path)
    except (UserError, ValueError, KeyError, OSError) as error:
        run.notices.append(f"predictions.parquet cannot be read and is left out: {error}")
        return
    usable = np.isfinite(predictions.scores).all(axis=1)
    if not usable.all():
        run.notices.append(f"{(~usable).sum()} of {len(usable)} stored rows have scores that are not finite.")
    run.predictions = predictions.select(usable)


def _read_steps(run: RunFolder, path: Path) -> None:
    """Merge logged lines by step; a step logged twice (before and after a restart) keeps its last values."""
    if not path.is_file():
        return
    merged: dict[int, dict[str, Any]] = {}
    broken = 0
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            merged.setdefault(int(values["step"]), {}).update(values)
        except (ValueError, KeyError, TypeError):
            broken += 1
    run.steps = [merged[step] for step in sorted(merged)]
    if broken:
        lines = "1 line" if broken == 1 else f"{broken} lines"
        run.notices.append(f"{lines} of metrics.jsonl could not be read and were left out of the curves.")


def _read_texts(run: RunFolder, path: Path) -> None:
    if not path.is_file():
        return
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
        run.texts = {str(row): str(text) for row, text in rows.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        run.notices.append(f"examples.json cannot be read, so errors are shown without their texts: {error}")
