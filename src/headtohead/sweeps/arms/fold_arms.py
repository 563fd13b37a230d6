"""Arms by cross-validation: where an arm has something to tune, it is tuned anew inside every fold.

A setting chosen on validation rows that another fold tests would be chosen on test rows. So each fold has a study of its
own, over its own training and validation rows, and the configuration it chose is trained once more to answer the fold's test
rows (nested cross-validation). An arm with nothing to tune goes straight to its folds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from headtohead.errors import UserError
from headtohead.sweeps.arms.confirmation import confirmation_jobs, run_all, winners
from headtohead.sweeps.arms.fold_budget import is_tuned
from headtohead.sweeps.arms.independent_tunings import reseeded
from headtohead.sweeps.space.search_space import Space
from headtohead.sweeps.study.importance import importances_of
from headtohead.sweeps.study.study import Job, SweepStudy
from headtohead.sweeps.study.study_summary import write_summary
from headtohead.sweeps.sweeper_settings import Settings
from headtohead.sweeps.tuning_loop import Sweep


def run_arms_by_folds(sweep: Sweep, spaces: Mapping[str, Space]) -> dict[str, list[list[Path]]]:
    """Run every fold of every arm; return per arm the folders of the runs that tested them.

    Raises:
        UserError: a run fails, or tunings are asked for beside the folds.
    """
    if sweep.settings.tunings > 1:
        raise UserError(
            f"hydra.sweeper.tunings={sweep.settings.tunings} with data.split.folds: every fold is tuned by itself already; "
            "leave one of them out"
        )
    return {
        arm: [_nested(sweep, arm, space) if is_tuned(sweep.settings, space) else _straight(sweep, arm, space)]
        for arm, space in spaces.items()
    }


def _straight(sweep: Sweep, arm: str, space: Space) -> list[Path]:
    """Run the folds of an arm that is one configuration."""
    listed = replace(sweep.settings, sampler=None, params={})
    study = sweep.study(f"{sweep.name}/{arm}", sweep.folder / arm, space, listed)
    sweep.tune(study)
    return study.run_folders(0)


def _nested(sweep: Sweep, arm: str, space: Space) -> list[Path]:
    """Tune an arm in every fold, and test each fold by what was chosen there."""
    studies = [sweep.study(*fold) for fold in _tunings(sweep, arm, space)]
    for study in studies:
        sweep.tune(study)
    jobs = [_test(study, number) for number, study in enumerate(studies, start=1)]
    run_all(jobs, sweep.jobs, sweep.settings.max_retries, sweep.told)
    for study in studies:
        write_summary(study, importances_of(study.study))
    return [job.folder for job in jobs]


def _tunings(sweep: Sweep, arm: str, space: Space) -> Iterator[tuple[str, Path, Space, Settings]]:
    for number, fold in enumerate(space.plan.each_fold, start=1):
        within = space.plan.within_folds
        lines = [line for line in fold.overrides if not (within.seeds and line.startswith("seed="))]
        own = replace(space, fixed=[*space.fixed, *lines], plan=within)
        settings = replace(sweep.settings, sampler=reseeded(sweep.settings, number))
        yield f"{sweep.name}/{arm}/{fold.folder}", sweep.folder / arm / fold.folder, own, settings


def _test(study: SweepStudy, number: int) -> Job:
    (job,) = confirmation_jobs(study, winners(study, 1)[0], 1, tuning=number)
    return job
