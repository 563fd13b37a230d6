"""Runs of a cross-validation, recognised by their configurations: their repetitions, pooled, and what is missing of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from headtohead.comparisons.finished_run import FinishedRun
from headtohead.comparisons.settings_diff import FOLDS
from headtohead.comparisons.tuning_history import STUDY, read_study
from headtohead.errors import UserError
from headtohead.grammar import as_typed, in_shell
from headtohead.results import Predictions, pooled
from headtohead.statistics import Arm, FoldPlan

LEVELS = 3
"""Folders above a run in which its sweep may lie."""


@dataclass(frozen=True, slots=True, order=True)
class Fold:
    """Which rows a run tested."""

    data_seed: int
    repeat: int
    fold: int
    folds: int

    @property
    def repetition(self) -> tuple[int, int]:
        """What it shares with the folds that test the other rows."""
        return self.data_seed, self.repeat


def fold_of(run: FinishedRun) -> Fold | None:
    """Return which fold a run is; ``None`` where it is of no cross-validation."""
    split = (run.record.config.get("data") or {}).get("split") or {}
    if not split.get("folds"):
        return None
    return Fold(int(run.held_out_seed or 0), split.get("repeat", 0), split["fold"], split["folds"])


def is_cross_validated(runs: Sequence[FinishedRun]) -> bool:
    """Whether runs tested different folds; runs of one fold alone are runs of one split."""
    return len({fold_of(run) for run in runs}) > 1


def cross_validated_arm(name: str, runs: Sequence[FinishedRun], trials: int | None = None) -> Arm:
    """Return an arm of pooled folds: a configuration per repetition, a run per seed of it.

    Args:
        name: of the arm.
        runs: every fold of every repetition, as often as there are seeds.
        trials: each fold's configuration was chosen from.

    Raises:
        UserError: folds are missing, or a fold was run with several configurations or unlike seeds.
    """
    by_fold: dict[Fold, list[FinishedRun]] = {}
    for run in runs:
        fold = fold_of(run)
        if fold is None:
            raise UserError(
                f"arm {name!r}: {run.folder} is of one split, others of its runs are folds of a cross-validation"
            )
        by_fold.setdefault(fold, []).append(run)
    sizes = {fold.folds for fold in by_fold}
    if len(sizes) > 1:
        raise UserError(
            f"arm {name!r} holds runs of {' and of '.join(map(str, sorted(sizes)))} folds: give those of one data.split.folds"
        )
    _refuse_missing(name, by_fold)
    for fold, own in by_fold.items():
        _refuse_several(name, fold, own)
    training = [
        sum((run.record.data.get("rows") or {}).get("train", 0) for run in own) / len(own) for own in by_fold.values()
    ]
    repetitions = _repetitions(by_fold)
    plan = FoldPlan(
        folds=sizes.pop(),
        repetitions=len(repetitions),
        training_rows=round(float(np.mean(training))),
        validation=_validation(runs[0]),
    )
    return Arm(name=name, configurations=list(repetitions.values()), trials=trials, plan=plan)


def _validation(run: FinishedRun) -> float:
    return float(run.record.config["data"]["split"]["validation"])


def _repetitions(by_fold: Mapping[Fold, Sequence[FinishedRun]]) -> dict[tuple[int, int], list[Predictions]]:
    """Return per repetition its pooled folds, one table for each seed that every fold has."""
    repetitions: dict[tuple[int, int], list[Fold]] = {}
    for fold in sorted(by_fold):
        repetitions.setdefault(fold.repetition, []).append(fold)
    return {
        key: [
            pooled([run.predictions for run in table]) for table in zip(*(by_fold[fold] for fold in folds), strict=True)
        ]
        for key, folds in repetitions.items()
    }


def _refuse_several(arm: str, fold: Fold, runs: Sequence[FinishedRun]) -> None:
    where = f"arm {arm!r}, repetition {fold.repeat}, fold {fold.fold}"
    if len({run.configuration for run in runs}) > 1:
        raise UserError(
            f"{where} was run with several configurations ({', '.join(str(run.folder) for run in runs[:3])}): an arm by "
            "folds is one configuration, or what was tuned within each fold"
        )
    if len({run.seeds for run in runs}) < len(runs):
        raise UserError(
            f"{where} was run twice with one seed ({runs[0].folder}): a repetition is no evidence; leave one out"
        )


def _refuse_missing(arm: str, by_fold: Mapping[Fold, Sequence[FinishedRun]]) -> None:
    """Refuse a cross-validation that leaves rows untested, naming the folds and the line that runs them."""
    first = next(iter(by_fold.values()))[0]
    most = max(len(runs) for runs in by_fold.values())
    repetitions = sorted({fold.repetition for fold in by_fold})
    folds = next(iter(by_fold)).folds
    missing = [
        fold
        for data_seed, repeat in repetitions
        for number in range(folds)
        if len(by_fold.get(fold := Fold(data_seed, repeat, number, folds), ())) < most
    ]
    if not missing:
        return
    listed = ", ".join(f"repetition {fold.repeat} fold {fold.fold}" for fold in missing[:5])
    more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
    raise UserError(
        f"arm {arm!r}: {len(by_fold) - len([f for f in missing if f in by_fold])} of {folds * len(repetitions)} folds are "
        f"there; missing: {listed}{more}. {_line(first, missing)}"
    )


def _line(run: FinishedRun, missing: Sequence[Fold]) -> str:
    """Return how to have the folds that are missing."""
    for fold in missing[:1]:
        for there in run.folder.parent.glob(f"*repeat_{fold.repeat}_fold_{fold.fold}*/result.json"):
            return f"They lie beside {run.folder}: give '{there.parent.parent}/*'"
    for folder in list(run.folder.parents)[:LEVELS]:
        if (folder / STUDY).is_file() and (command := str(read_study(folder / STUDY).get("command") or "")):
            return f"This goes on with them:\n    {command}"
    return "This runs them:\n" + "\n".join(f"    {line}" for line in _commands(run, missing))


def _commands(run: FinishedRun, missing: Sequence[Fold]) -> Iterator[str]:
    """Yield a sweep for each repetition that lacks folds."""
    program, given = as_typed(str(run.record.provenance.get("command") or ""))
    flags = ("-m", "--multirun")
    kept = [word for word in given if word not in flags and word.partition("=")[0].lstrip("+") not in FOLDS]
    for repeat in sorted({fold.repeat for fold in missing}):
        folds = ",".join(str(fold.fold) for fold in missing if fold.repeat == repeat)
        yield in_shell(*program, "-m", *kept, f"data.split.repeat={repeat}", f"data.split.fold={folds}")
