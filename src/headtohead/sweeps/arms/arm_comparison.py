"""From arms to a verdict: each is tuned with the same budget, its best is confirmed on fresh seeds, and judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from headtohead.config import CompareConfig, TrackConfig
from headtohead.hydra_io.schema import without_hydra
from headtohead.sweeps.arms.champions import Standing
from headtohead.sweeps.arms.confirmation import run_all, winners
from headtohead.sweeps.arms.fold_arms import run_arms_by_folds
from headtohead.sweeps.arms.fold_budget import is_by_folds
from headtohead.sweeps.arms.independent_tunings import tunings_of
from headtohead.sweeps.arms.verdict_payloads import verdict_summary
from headtohead.sweeps.space.search_space import Space
from headtohead.sweeps.study.importance import importances_of
from headtohead.sweeps.study.study import Job, SweepStudy
from headtohead.sweeps.study.study_summary import write_summary
from headtohead.sweeps.tuning_loop import Sweep
from headtohead.tasks.compare import judge_runs
from headtohead.tracking import track_report


def compare_arms(sweep: Sweep, spaces: dict[str, Space]) -> None:
    """Run every arm, by folds or by what its tunings chose, and write the verdict."""
    settings = sweep.settings
    runs = run_arms_by_folds(sweep, spaces) if is_by_folds(spaces) else _tuned(sweep, spaces)
    entries = "tunings" if settings.tunings > 1 else "runs"
    judged = CompareConfig(
        entries=entries,
        metric=sweep.metric,
        margin=settings.margin,
        alpha=settings.alpha,
        pairing=settings.pairing,
    )
    verdict = judge_runs(runs, judged, sweep.folder)
    track = TrackConfig(**without_hydra(sweep.config)["track"])
    track_report(track, sweep.folder, sweep=sweep.name, summary=verdict_summary(verdict))


def _tuned(sweep: Sweep, spaces: dict[str, Space]) -> dict[str, list[list[Path]]]:
    """Tune every arm, and train what each of its tunings chose on fresh seeds."""
    settings = sweep.settings
    studies = {
        arm: [
            sweep.study(*tuning) for tuning in tunings_of(settings, arm, space, sweep.name, sweep.folder, sweep.config)
        ]
        for arm, space in spaces.items()
    }
    for study in (study for listed in studies.values() for study in listed):
        sweep.tune(study)
    return _confirmed(sweep, studies)


def _confirmed(sweep: Sweep, studies: Mapping[str, Sequence[SweepStudy]]) -> dict[str, list[list[Path]]]:
    """Train on fresh seeds what every tuning of every arm has chosen; return the folders of the runs that are judged."""
    wanted = sweep.settings.confirm
    standing = {
        arm: [
            Standing(study=study, tuning=number, trials=winners(study, wanted.top_k), wanted=wanted)
            for number, study in enumerate(listed, start=1)
        ]
        for arm, listed in studies.items()
    }
    everyone = [one for listed in standing.values() for one in listed]
    _run([job for one in everyone for jobs in one.choosing.values() for job in jobs], sweep)
    _run([job for one in everyone for job in one.judged], sweep)
    for one in everyone:
        write_summary(one.study, importances_of(one.study.study))
    return {arm: [[job.folder for job in one.judged] for one in listed] for arm, listed in standing.items()}


def _run(todo: Sequence[Job], sweep: Sweep) -> None:
    run_all(todo, sweep.jobs, sweep.settings.max_retries, sweep.told)
