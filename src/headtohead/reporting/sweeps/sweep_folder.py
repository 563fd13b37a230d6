"""What lies in the folder of a sweep or of a comparison, read with patience: a sweep that died early still has a page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from headtohead.errors import UserError
from headtohead.results import Predictions, RunRecord, pooled, read_predictions, read_record
from headtohead.statistics import Tuning, tuning_of

STUDY, VERDICT, BASELINES = "study.json", "verdict.json", "baselines.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One tuning: what ``study.json`` holds, and where."""

    name: str
    """Within the sweep: the arm's, with the number of its tuning where there are several."""
    arm: str
    folder: Path
    stored: dict[str, Any]
    tuning: Tuning
    example: RunRecord | None
    """The record of one of its runs, for what all of them share."""

    @property
    def trials(self) -> list[dict[str, Any]]:
        """Every trial, by number."""
        trials: list[dict[str, Any]] = self.stored["trials"]
        return trials

    @property
    def objectives(self) -> list[str]:
        """What is optimised, by the names that records use."""
        names: list[str] = self.stored.get("objective") or []
        own = (self.example.objective.get("name") if self.example else None) or "objective"
        return [name.removeprefix("metrics.").replace(".", "/", 1) for name in names] or [str(own)]


@dataclass(slots=True, kw_only=True)
class SweepFolder:
    """Everything the page shows; ``notices`` say what is missing or damaged."""

    path: Path
    studies: list[Study] = field(default_factory=list)
    verdict: dict[str, Any] | None = None
    beside: dict[str, Any] | None = None
    """Of a sweep without arms: what costs seconds, beside its best trial."""
    runs: dict[str, list[Predictions]] = field(default_factory=dict)
    """Per arm the judged runs' rows of the verdict's split."""
    texts: dict[str, str] = field(default_factory=dict)
    """Row id to text, of the rows that some run stored as examples of its errors."""
    notices: list[str] = field(default_factory=list)


def read_sweep(folder: Path) -> SweepFolder:
    """Read the folder of a sweep or of a comparison.

    Raises:
        UserError: there is neither a study nor a verdict.
    """
    sweep = SweepFolder(path=folder)
    sweep.verdict = _read_json(sweep, folder / VERDICT)
    sweep.beside = _read_json(sweep, folder / BASELINES)
    for arm, path in _study_folders(sweep).items():
        _read_study(sweep, arm, path)
    if sweep.verdict is None and not sweep.studies:
        raise UserError(f"{folder} holds neither {STUDY} nor {VERDICT}; give the folder of a sweep or of a comparison")
    for arm, runs in ((sweep.verdict or {}).get("runs") or {}).items():
        _read_runs(sweep, arm, {_found_again(Path(run["folder"]), folder): run.get("fold") for run in runs})
    return sweep


def _found_again(run: Path, sweep: Path) -> Path:
    """Return a run's folder as it was stored, or where it lies in a sweep that has been moved."""
    moved = [sweep.joinpath(*run.parts[-depth:]) for depth in (1, 2, 3)]
    return next((path for path in (run, *moved) if path.is_dir()), run)


def _study_folders(sweep: SweepFolder) -> dict[str, Path]:
    """Return name to folder of the studies: the sweep's own, its arms', or those whose confirming runs were judged."""
    if (sweep.path / STUDY).is_file():
        return {"": sweep.path}
    found = {
        path.parent.relative_to(sweep.path).as_posix(): path.parent
        for pattern in (f"*/{STUDY}", f"*/*/{STUDY}")
        for path in sorted(sweep.path.glob(pattern))
    }
    order = [arm["name"] for arm in (sweep.verdict or {}).get("arms") or []]
    in_order = sorted(found, key=lambda name: (_place(order, name.partition("/")[0]), len(name), name))
    return {name: found[name] for name in in_order} or dict(_judged_studies(sweep.verdict or {}))


def _place(order: list[str], name: str) -> int:
    return order.index(name) if name in order else len(order)


def _judged_studies(verdict: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    for arm, tunings in (verdict.get("tuning") or {}).items():
        folders = dict.fromkeys(Path(run["folder"]).parent for run in verdict["runs"][arm] if tunings)
        for place, path in enumerate(folders, start=1):
            if (path / STUDY).is_file():
                yield f"{arm}/tuning_{place}" if len(folders) > 1 else arm, path


def _read_study(sweep: SweepFolder, name: str, folder: Path) -> None:
    stored = _read_json(sweep, folder / STUDY)
    if stored is None:
        return
    try:
        tuning = tuning_of(stored, _judged(sweep.verdict or {}, folder))
    except (KeyError, TypeError, ValueError) as error:
        sweep.notices.append(f"{name or folder.name}/{STUDY} cannot be understood and is left out: {error!r}")
        return
    arm, _, part = name.partition("/")
    shown = f"{arm}, {part.replace('_', ' ')}" if part else arm
    example = _example(folder, stored)
    sweep.studies.append(Study(name=shown, arm=arm, folder=folder, stored=stored, tuning=tuning, example=example))


def _judged(verdict: Mapping[str, Any], study: Path) -> set[str]:
    """Return the names of a study's runs that the verdict is about; its folder may have moved, so its name decides."""
    runs = [Path(run["folder"]) for listed in (verdict.get("runs") or {}).values() for run in listed]
    return {run.name for run in runs if run.parent.parts[-2:] == study.absolute().parts[-2:]}


def _example(folder: Path, stored: Mapping[str, Any]) -> RunRecord | None:
    """Return the first record that can be read: the best trial's, if there is one."""
    folders = {trial["number"]: (trial.get("runs") or [trial["folder"]])[0] for trial in stored["trials"]}
    for number in [*(stored.get("best") or []), *folders]:
        try:
            return read_record(folder / folders[number] / "result.json")
        except (UserError, KeyError, OSError):
            continue
    return None


def _read_json(sweep: SweepFolder, path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
        problem = "it is no object"
    except ValueError as error:
        problem = str(error)
    sweep.notices.append(f"{path.relative_to(sweep.path) if path.is_relative_to(sweep.path) else path}: {problem}")
    return None


def _read_runs(sweep: SweepFolder, arm: str, folders: Mapping[Path, dict[str, int] | None]) -> None:
    """Read an arm's runs; of a cross-validation the folds of each repetition together."""
    split = (sweep.verdict or {}).get("split", "test")
    by_repetition: dict[Any, list[Predictions]] = {}
    by_folds = any(arm_of.get("plan") for arm_of in (sweep.verdict or {}).get("arms") or [])
    for folder, fold in folders.items():
        try:
            rows = read_predictions(folder / "predictions.parquet").of_split(split)
        except (UserError, ValueError, KeyError, OSError) as error:
            sweep.notices.append(f"The predictions of a run of {arm} cannot be read and are left out: {error}")
            continue
        if np.isfinite(rows.scores).all():
            key = (fold["data_seed"], fold["repeat"]) if by_folds and fold else folder
            by_repetition.setdefault(key, []).append(rows)
        sweep.texts |= _texts(folder)
    if by_repetition:
        sweep.runs[arm] = [pooled(folds) if len(folds) > 1 else folds[0] for folds in by_repetition.values()]


def _texts(folder: Path) -> dict[str, str]:
    try:
        rows = json.loads((folder / "examples.json").read_text(encoding="utf-8"))["rows"]
        return {str(row): str(text) for row, text in rows.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # texts are a help, not a finding
