"""The run that a sweep came to: what ``run=outputs/<sweep>`` means."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from headtohead.errors import UserError
from headtohead.results.record import read_record

RECORD, STUDY, VERDICT = "result.json", "study.json", "verdict.json"


def winner_of(folder: Path) -> Path:
    """Return the folder of a run: itself, or the winner's where it is a sweep's.

    Of a sweep without arms that is its best trial. Of arms that were judged it is the one that no other beats, where several
    are left the best of them by validation, as among an arm's confirmed runs: the test split chooses no model.

    Raises:
        UserError: a sweep that has no winner yet, or several.
    """
    if (folder / RECORD).exists():
        return folder
    _refuse_folds(folder)
    if (folder / VERDICT).exists():
        return _of_verdict(folder, _read(folder / VERDICT))
    if (folder / STUDY).exists():
        return _of_study(folder, _read(folder / STUDY))
    if arms := sorted(path.parent.name for path in folder.glob(f"*/{STUDY}")):
        raise UserError(
            f"run={folder} is a sweep whose arms are not judged yet: go on with its command, or take the best trial of one "
            f"arm so far, such as run={folder / arms[0]}"
        )
    return folder


def _refuse_folds(folder: Path) -> None:
    """Refuse to take a fold for a model: each was trained on a part of the rows, to measure and not to be used.

    Raises:
        UserError: with the line that trains on all of them.
    """
    studies = [folder / STUDY, *sorted(folder.glob(f"*/{STUDY}")), *sorted(folder.glob(f"*/*/{STUDY}"))]
    folded = [study for path in studies if path.exists() and (study := _read(path)).get("measures_parts")]
    if not folded:
        return
    lines = dict.fromkeys(str(study["best_command"]) for study in folded if study.get("best_command"))
    raise UserError(
        f"run={folder} is a cross-validation: its runs measure, each trained on a part of the rows, and none is a model to "
        "use. Train one on all but the validation rows, and take that run:\n    " + "\n    ".join(lines)
    )


def _of_study(folder: Path, study: dict[str, Any]) -> Path:
    best = [trial for trial in study["trials"] if trial["number"] in study["best"]]
    if not best:
        raise UserError(f"run={folder} is a sweep of which no trial has completed within its constraints")
    if len(best) > 1:
        listed = ", ".join(f"run={folder / trial['folder']}" for trial in best)
        raise UserError(
            f"run={folder} is a sweep of several objectives, with {len(best)} best trials: take one of {listed}"
        )
    return _best([folder / run for run in best[0]["runs"]])


def _of_verdict(folder: Path, verdict: dict[str, Any]) -> Path:
    beaten = {
        pair["second" if pair["direction"] == pair["first"] else "first"]
        for pair in verdict["pairs"]
        if pair["direction"]
    }
    runs = {arm: [_found(Path(run["folder"]), folder) for run in own] for arm, own in verdict["runs"].items()}
    left = [own for arm, own in runs.items() if arm not in beaten] or list(runs.values())
    return _best(max(left, key=lambda own: fmean(map(_worth, own))))


def _best(runs: Sequence[Path]) -> Path:
    return max(runs, key=_worth) if len(runs) > 1 else runs[0]


def _worth(run: Path) -> float:
    """Return a run's validation objective, higher being better."""
    objective = read_record(run / RECORD).objective
    return float(objective["value"]) * (1.0 if objective.get("direction") == "maximize" else -1.0)


def _found(run: Path, sweep: Path) -> Path:
    """Return a run's folder as it was stored, or where it lies in a sweep that has been moved."""
    moved = (sweep.joinpath(*run.parts[-depth:]) for depth in (1, 2, 3))
    return next((path for path in (*moved, run) if (path / RECORD).exists()), run)


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
