"""``metrics.jsonl``: every logged step, the source of every curve."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from headtohead import atomic
from headtohead.tracking.tracker import Table


class MetricsFile:
    """Appends flat JSON objects with their own step counter.

    Args:
        resumed_step: lines beyond it were written by an attempt that died after its last checkpoint, and are dropped.
    """

    def __init__(self, path: Path, *, resumed_step: int) -> None:
        self.kept = [line for line in read_metrics(path) if line["step"] <= resumed_step]
        atomic.write_text(path, "".join(json.dumps(line) + "\n" for line in self.kept))
        self._file = path.open("a", encoding="utf-8")

    def log(self, step: int, values: dict[str, float]) -> None:
        """Append one line; non-finite values are left out (JSON has none)."""
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        self._file.write(json.dumps({"step": step, **finite}) + "\n")
        self._file.flush()

    def finish(self, summary: dict[str, Any], tables: dict[str, Table], page: str = "") -> None:
        """Close the file; the rest stands in the record and in ``predictions.parquet``."""
        self._file.close()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the logged lines; a last line cut short by a crash is left out."""
    if not path.exists():
        return []
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return lines
