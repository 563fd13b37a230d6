"""Which studies chose the runs of an arm: told by the ``study.json`` beside a confirming run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headtohead.errors import UserError
from headtohead.statistics import Tuning, tuning_of

STUDY = "study.json"


def tunings_of(runs: Sequence[Path]) -> list[Tuning]:
    """Return the tunings whose confirming runs these are; none unless all of them are such runs.

    Raises:
        UserError: a study that cannot be read.
    """
    judged: dict[Path, set[str]] = {}
    for run in runs:
        judged.setdefault(run.parent / STUDY, set()).add(run.name)
    if not all(path.is_file() for path in judged):
        return []
    studies = {path: read_study(path) for path in judged}
    if not all(
        judged[path] <= {run["folder"] for run in study.get("confirmed") or []} for path, study in studies.items()
    ):
        return []
    return [tuning_of(study, judged[path]) for path, study in studies.items()]


def read_study(path: Path) -> dict[str, Any]:
    """Return what a ``study.json`` holds.

    Raises:
        UserError: it is no JSON.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is not valid JSON (line {error.lineno}): {error.msg}") from None
    return found
