"""The loop of a sweep: adopt, start, wait for whichever job ends first, tell, decide whether to go on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait

from optuna.trial import FrozenTrial, TrialState

from headtohead.errors import UserError
from headtohead.sweeping.jobs import Jobs
from headtohead.sweeping.outcome import Outcome, ended, recorded_outcome
from headtohead.sweeping.study import FINISHED, Job, SweepStudy

log = logging.getLogger(__name__)

Watch = Callable[[SweepStudy, FrozenTrial], None]
"""Called whenever a trial has reached its final state."""


class Controller:
    """Runs one study to its end.

    Args:
        objectives: dotted paths into the runs' records; empty takes their validation objective.
        watch: told of every final state.
    """

    def __init__(self, study: SweepStudy, jobs: Jobs, *, objectives: list[str], watch: Watch) -> None:
        self.study, self.jobs, self.objectives, self.watch = study, jobs, objectives, watch
        self._running: dict[Future[None], Job] = {}
        self._started = time.monotonic()

    def run(self) -> None:
        """Run every trial that is missing.

        Raises:
            UserError: more trials have failed than ``max_failure_rate`` allows.
        """
        left = self._reconcile()
        while True:
            while len(self._running) < self.jobs.slots and (left or self._may_start()):
                job = left.pop(0) if left else self.study.ask()
                self._running[self.jobs.start(job)] = job
            if not self._running:
                return
            for future in wait(self._running, return_when=FIRST_COMPLETED).done:
                job = self._running.pop(future)
                retry = self._finish(job, future.exception())
                if retry:
                    left.insert(0, retry)
            self._refuse_failures()

    def _reconcile(self) -> list[Job]:
        """Tell what finished while no controller listened; return the jobs of trials that were cut off."""
        jobs = []
        for trial in self.study.trials(TrialState.RUNNING):
            found = recorded_outcome(self.study.trial_folder(trial.number), self.objectives)
            if found is None:
                jobs.append(self.study.adopt(trial))
            else:
                self._tell(trial.number, found)
        if jobs:
            log.info("adopting the trials %s, which were cut off", ", ".join(str(job.number) for job in jobs))
        return jobs

    def _may_start(self) -> bool:
        timeout = self.study.settings.timeout
        if timeout is not None and time.monotonic() - self._started > timeout:
            return False
        return self.study.to_start() > 0

    def _finish(self, job: Job, error: BaseException | None) -> Job | None:
        """Tell how a job ended, or return its next attempt."""
        outcome = ended(job.folder, self.objectives, error)
        if outcome.retry and job.attempt <= self.study.settings.max_retries:
            log.warning("trial %d: %s; attempt %d", job.number, outcome.reason, job.attempt + 1)
            return self.study.adopt(self._trial(job.number))
        self._tell(job.number, outcome)
        return None

    def _tell(self, number: int, outcome: Outcome) -> None:
        """Put a final state into the study, the reason first: nothing can be added to a finished trial."""
        self.study.note(number, reason=outcome.reason, seconds=outcome.seconds, tokens=outcome.tokens)
        values = outcome.values if outcome.state == TrialState.COMPLETE else None
        self.study.study.tell(number, values, state=outcome.state, skip_if_finished=True)
        if outcome.state == TrialState.FAIL:
            log.warning("trial %d failed: %s", number, outcome.reason)
        self.watch(self.study, self._trial(number))

    def _trial(self, number: int) -> FrozenTrial:
        return self.study.trials()[number]

    def _refuse_failures(self) -> None:
        """End the sweep where too many of the latest trials have failed.

        Raises:
            UserError: they have.
        """
        settings = self.study.settings
        latest = sorted(self.study.trials(*FINISHED), key=lambda trial: trial.datetime_complete or 0)  # type: ignore[arg-type, return-value]
        failed = [trial for trial in latest[-settings.failure_window :] if trial.state == TrialState.FAIL]
        if len(failed) > settings.max_failure_rate * settings.failure_window:
            for future in self._running:
                future.cancel()
            reasons = "\n".join(f"  trial {trial.number}: {trial.user_attrs.get('reason')}" for trial in failed[-3:])
            raise UserError(
                f"{len(failed)} of the latest {len(latest[-settings.failure_window :])} trials of {self.study.name} "
                f"failed, more than hydra.sweeper.max_failure_rate={settings.max_failure_rate} allows:\n{reasons}\n"
                "Everything is kept; the same command goes on once the cause is mended"
            )
