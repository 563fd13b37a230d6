"""One job of every four takes three times as long: how much of the workers' time is used?

    python benchmarks/straggler.py

Sleeping jobs go through the real controller, study and journal, and a launcher that blocks until its jobs have ended, as
Hydra's launchers do. For comparison the same jobs in batches of four, each of which waits for its slowest: what Hydra's
own sweepers do.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import optuna
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher

from headtohead.results import RunRecord, write_record
from headtohead.sweeps.controller import Controller
from headtohead.sweeps.space.search_space import parse_space
from headtohead.sweeps.study.study import SweepStudy
from headtohead.sweeps.study.study_summary import write_summary
from headtohead.sweeps.sweep_jobs import jobs_of
from headtohead.sweeps.sweeper_settings import read_settings
from hydra_plugins.headtohead_sweeper.config import SweeperConf

WORKERS = 4
SLOWER = 3


class SleepingLauncher(Launcher):
    """Sleeps for every job, and leaves its record; the last of every four sleeps three times as long."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.spans: list[tuple[float, float]] = []
        """When each job started and ended."""

    def setup(self, **given: Any) -> None:
        """Nothing that Hydra hands over is needed."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the one job."""
        started = time.perf_counter()
        time.sleep(self.seconds * (SLOWER if initial_job_idx % WORKERS == WORKERS - 1 else 1))
        self.spans.append((started, time.perf_counter()))
        parsed = OverridesParser.create().parse_overrides(list(job_overrides[0]))
        values: dict[str, Any] = {override.get_key_element(): override.value() for override in parsed}
        folder = Path(
            *(str(getattr(values[key], "text", values[key])) for key in ("hydra.sweep.dir", "hydra.sweep.subdir"))
        )
        record = RunRecord(name="sleep", fingerprint="0", status="completed", config={}, objective={"value": 0.5})
        write_record(folder / "result.json", record)
        return [JobReturn(overrides=list(job_overrides[0]), status=JobStatus.COMPLETED)]


def utilisation(folder: Path, *, jobs: int, seconds: float) -> tuple[float, float]:
    """Return the share of the workers' time that jobs used: while there were jobs left to start, and to the last end.

    Args:
        folder: for the study.
        jobs: how many.
        seconds: of a job that is not slow.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    settings = read_settings({**asdict(SweeperConf()), "n_jobs": WORKERS})
    space = parse_space({}, [f"seed=range(0,{jobs})"])
    storage = f"journal:///{folder / 'study.journal'}"
    study = SweepStudy(settings, space, name="sleep", folder=folder, storage=storage, metric="macro_f1")
    launcher = SleepingLauncher(seconds)
    Controller(study, jobs_of(launcher, WORKERS), lambda trial: trial and write_summary(study)).run()  # type: ignore[arg-type]
    first = min(started for started, _ in launcher.spans)
    return tuple(  # type: ignore[return-value]
        sum(min(end, until) - start for start, end in launcher.spans) / (WORKERS * (until - first))
        for until in (max(start for start, _ in launcher.spans), max(end for _, end in launcher.spans))
    )


def utilisation_in_batches(*, jobs: int, seconds: float) -> float:
    """Return the same where every batch waits for its slowest."""
    lengths = [seconds * (SLOWER if job % WORKERS == WORKERS - 1 else 1) for job in range(jobs)]
    started = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as threads:
        for first in range(0, jobs, WORKERS):
            list(threads.map(time.sleep, lengths[first : first + WORKERS]))
    return sum(lengths) / (WORKERS * (time.perf_counter() - started))


def main() -> None:
    """Measure jobs of several lengths."""
    print(
        "| jobs | seconds of a job | used while jobs are left | to the last end | in batches |\n|---|---|---|---|---|"
    )
    for jobs, seconds in ((48, 2.0), (96, 2.0)):
        with tempfile.TemporaryDirectory() as folder:
            used, whole = utilisation(Path(folder), jobs=jobs, seconds=seconds)
        batches = utilisation_in_batches(jobs=jobs, seconds=seconds)
        print(
            f"| {jobs} | {seconds:g} and {SLOWER * seconds:g} | {used:.1%} | {whole:.1%} | {batches:.1%} |", flush=True
        )


if __name__ == "__main__":
    main()
