"""Keeping a launcher's slots full: no job waits for a slower one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait

from headtohead.sweeps.study.study import Job
from headtohead.sweeps.sweep_jobs import Jobs

SECONDS_BETWEEN_LOOKS = 1.0


def run_jobs(
    jobs: Jobs,
    next_job: Callable[[], Job | None],
    ended: Callable[[Job, BaseException | None], Job | None],
    waiting: Callable[[], None] = lambda: None,
) -> None:
    """Run jobs until there are no more.

    Args:
        jobs: where they run.
        next_job: what to start in a free slot, or None for nothing; asked again whenever a job has ended.
        ended: takes in how a job ended, and returns what follows it in its slot: another attempt, the next seed, or None.
        waiting: called every second or so in which no job ends.
    """
    running: dict[Future[None], Job] = {}
    try:
        while True:
            while len(running) < jobs.slots and (job := next_job()):
                running[jobs.start(job)] = job
            if not running:
                return
            done = wait(running, timeout=SECONDS_BETWEEN_LOOKS, return_when=FIRST_COMPLETED).done
            for future in done:
                if follower := ended(running.pop(future), future.exception()):
                    running[jobs.start(follower)] = follower
            if not done:
                waiting()
    finally:
        for future in running:
            future.cancel()
