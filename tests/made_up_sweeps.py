"""Studies whose runs are made up: a job's record is a function of its overrides, written at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from headtohead.results import RunRecord, write_record
from headtohead.sweeps.controller import Controller
from headtohead.sweeps.space.repetitions import with_plan
from headtohead.sweeps.space.search_space import parse_space
from headtohead.sweeps.study.study import Job, SweepStudy, state_in_words
from headtohead.sweeps.sweep import _quiet_optuna
from headtohead.sweeps.sweeper_settings import Settings, read_settings
from hydra_plugins.headtohead_sweeper.config import SweeperConf
from hydra_plugins.headtohead_sweeper.pruners import PRUNERS
from hydra_plugins.headtohead_sweeper.samplers import SAMPLERS

Score = Callable[[dict[str, str]], dict[str, float]]
"""From a job's overrides to its validation metrics and costs; an exception fails the job."""


def settings_of(**given: Any) -> Settings:
    """Return the sweeper's settings; samplers and pruners by name."""
    for key, known in (("sampler", SAMPLERS), ("pruner", PRUNERS)):
        if isinstance(given.get(key), str):
            given[key] = known[given[key]]
    return read_settings({**asdict(SweeperConf()), **given})


def study_in(
    folder: Path, *lines: str, suggest: Any = None, refused: Any = None, base: Any = None, **given: Any
) -> SweepStudy:
    """Open a study over a space."""
    _quiet_optuna()
    settings = settings_of(**given)
    space = with_plan(parse_space(settings.params, lines), settings.seeds, drawn=not settings.is_grid)
    storage = f"journal:///{folder / 'study.journal'}"
    about: Any = {"metric": "macro_f1", "suggest": suggest, "refused": refused, "base": base}
    return SweepStudy(settings, space, name="made-up", folder=folder, storage=storage, **about)


@dataclass
class MadeUpRuns:
    """Jobs that are over as soon as they start."""

    score: Score
    slots: int = 1
    elsewhere: bool = True
    started: list[Path] = field(default_factory=list)

    def start(self, job: Job) -> Future[None]:
        """Run a job."""
        self.started.append(job.folder)
        future: Future[None] = Future()
        try:
            write_result(job.folder, self.score(overrides_of(job)))
            future.set_result(None)
        except Exception as error:
            future.set_exception(error)
        return future

    def interrupt(self) -> None:
        """There is nothing to let go of."""


def overrides_of(job: Job) -> dict[str, str]:
    """Return a job's overrides by key."""
    parts = [line.partition("=") for line in job.overrides]
    return {key: value for key, _, value in parts}


def write_result(folder: Path, scores: dict[str, float], status: Any = "completed") -> None:
    """Write the record of a run that has ended."""
    metrics = {name: {"value": value} for name, value in scores.items() if not name.startswith("cost.")}
    record = RunRecord(
        name="made-up",
        fingerprint="0",
        status=status,
        config={},
        objective={"value": scores.get("macro_f1")},
        metrics={"validation": metrics},  # type: ignore[dict-item]
        cost={name.removeprefix("cost."): value for name, value in scores.items() if name.startswith("cost.")},
    )
    write_record(folder / "result.json", record)


def run(study: SweepStudy, score: Score, **how: Any) -> MadeUpRuns:
    """Run a study to its end; return the jobs."""
    jobs = MadeUpRuns(score, **how)
    Controller(study, jobs, lambda trial: None).run()
    return jobs


def states(study: SweepStudy) -> list[str]:
    """Return the trials' states in order."""
    return [state_in_words(trial) for trial in study.trials()]
