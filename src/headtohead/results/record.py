"""``result.json``: the truth about a run. W&B, pages, plots and cards are views of it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from headtohead import atomic
from headtohead.errors import UserError

SCHEMA_VERSION = 1
Status = Literal["running", "completed", "failed", "diverged", "pruned", "interrupted"]


@dataclass(slots=True, kw_only=True)
class RunRecord:
    """One run. Sections are plain JSON values so that a record can be read anywhere.

    ``metrics[split][name]`` is ``{"value", "low", "high"}`` (95 % bootstrap interval; ``low`` and ``high`` are null
    where no interval is defined), for scalar metrics alone; structured results (per class, confusion matrix,
    reliability, risk-coverage, slices) stand in ``details[split]``.
    """

    name: str
    fingerprint: str
    """Hash of the resolved configuration without tracking and paths; names the run's folder."""
    status: Status
    config: dict[str, Any]
    error: str | None = None
    schema_version: int = SCHEMA_VERSION
    attempt: int = 1
    trial: dict[str, Any] | None = None
    """``{"study": "...", "number": 7, "attempt": 1}`` within a sweep, where ``attempt`` counts what the sweep started;
    null outside one."""
    objective: dict[str, Any] = field(default_factory=dict)
    """``{"name": "validation/macro_f1", "value": 0.93}``: what a sweep would optimise; never a test metric."""
    metrics: dict[str, dict[str, dict[str, float | None]]] = field(default_factory=dict)
    details: dict[str, dict[str, Any]] = field(default_factory=dict)
    baselines: dict[str, dict[str, dict[str, dict[str, float | None]]]] = field(default_factory=dict)
    """``baselines[name][split][metric]``: majority class and TF-IDF on the same rows."""
    differences: dict[str, dict[str, dict[str, dict[str, float | None]]]] = field(default_factory=dict)
    """``differences[name][split][metric]``: the run minus that baseline, paired row by row."""
    calibration: dict[str, Any] = field(default_factory=dict)
    """``{"temperature": 1.3, ...}`` fitted on validation; stored scores are *not* yet divided by it."""
    audit: dict[str, Any] = field(default_factory=dict)
    """Label-token audit and guards."""
    cost: dict[str, Any] = field(default_factory=dict)
    """Seconds and tokens per phase, peak memory in bytes, parameters trained and in all."""
    model: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    """Source, revision and hash, rows per split and class, duplicates, truncation."""
    export: dict[str, Any] = field(default_factory=dict)
    """Form, parity gate and its figures."""
    tracking: dict[str, Any] = field(default_factory=dict)
    """``{"wandb_id": "trial_0007-3f9a1c2b"}``: the same W&B run in every attempt."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Git commit and dirty flag, package versions, hardware, start and end."""
    notices: list[dict[str, Any]] = field(default_factory=list)
    """``Notice.as_dict`` of whatever a reader of the numbers must know: rows cut, labels merged, nothing learnt."""
    test_reads: int = 0
    """How often the test split was scored for this run."""


def json_ready(value: Any) -> Any:
    """Return ``value`` with numpy scalars and arrays as Python ones, paths as text and non-finite floats as None."""
    if isinstance(value, dict):
        return {str(key): json_ready(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [json_ready(item) for item in value]
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return json_ready(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    return value


def as_stored(record: RunRecord) -> RunRecord:
    """Return a record as it will be read back."""
    return RunRecord(**json_ready(asdict(record)))


def write_record(path: Path, record: RunRecord) -> None:
    """Write ``result.json`` atomically."""
    atomic.write_json(path, json_ready(asdict(record)))


def read_record(path: Path) -> RunRecord:
    """Read ``result.json``.

    Raises:
        UserError: no such file, broken JSON, or a schema version this code does not know.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"no record at {path}; give the folder of a run that has started") from None
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is not valid JSON (line {error.lineno}): {error.msg}") from None
    if stored.get("schema_version") != SCHEMA_VERSION:
        raise UserError(f"{path} has schema version {stored.get('schema_version')}; this code reads {SCHEMA_VERSION}")
    known = {item.name for item in fields(RunRecord)}
    return RunRecord(**{key: value for key, value in stored.items() if key in known})
