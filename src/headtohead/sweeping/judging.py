"""From arms to a verdict: each is tuned with the same budget, its best is confirmed on fresh seeds, and judged."""

from __future__ import annotations

from pathlib import Path

from headtohead.config import CompareConfig, TrackConfig
from headtohead.schema import without_hydra
from headtohead.sweeping.arms import ConfirmSettings
from headtohead.sweeping.confirm import champion, confirmation_jobs, run_all, winners
from headtohead.sweeping.importance import importances_of
from headtohead.sweeping.space import Space
from headtohead.sweeping.study import Job, SweepStudy
from headtohead.sweeping.summary import write_summary
from headtohead.sweeping.tracked import verdict_summary
from headtohead.sweeping.tune import Sweep
from headtohead.sweeping.tunings import tunings_of
from headtohead.tasks.compare import judge_runs
from headtohead.tracking import track_report


def compare_arms(sweep: Sweep, spaces: dict[str, Space]) -> None:
    """Tune every arm, confirm what each of its tunings chose, and write the verdict."""
    settings = sweep.settings
    studies = {
        arm: [
            sweep.study(*tuning) for tuning in tunings_of(settings, arm, space, sweep.name, sweep.folder, sweep.config)
        ]
        for arm, space in spaces.items()
    }
    for study in (study for listed in studies.values() for study in listed):
        sweep.tune(study)
    todo = {
        arm: [_confirmations(study, number, settings.confirm) for number, study in enumerate(listed, start=1)]
        for arm, listed in studies.items()
    }
    every = [job for listed in todo.values() for jobs in listed for own in jobs.values() for job in own]
    run_all(every, sweep.jobs, settings.max_retries, sweep.told)
    confirmed = {
        arm: [_chosen(study, jobs) for study, jobs in zip(listed, todo[arm], strict=True)]
        for arm, listed in studies.items()
    }
    entries = "tunings" if settings.tunings > 1 else "runs"
    judged = CompareConfig(entries=entries, metric=sweep.metric, margin=settings.margin, alpha=settings.alpha)
    verdict = judge_runs(confirmed, judged, sweep.folder)
    track = TrackConfig(**without_hydra(sweep.config)["track"])
    track_report(track, sweep.folder, sweep=sweep.name, summary=verdict_summary(verdict))


def _confirmations(study: SweepStudy, tuning: int, wanted: ConfirmSettings) -> dict[int, list[Job]]:
    """Return, per trial that is confirmed, the jobs of its fresh seeds."""
    return {
        trial.number: confirmation_jobs(study, trial, wanted.seeds, tuning=tuning)
        for trial in winners(study, wanted.top_k)
    }


def _chosen(study: SweepStudy, confirmed: dict[int, list[Job]]) -> list[Path]:
    """Return the confirming runs of the configuration that is best by validation on them."""
    write_summary(study, importances_of(study.study))
    return [job.folder for job in confirmed[champion(study, confirmed)]]
