"""The loop of a sweep: adopt, start, wait for whichever job ends first, tell, decide whether to go on."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping

from optuna.trial import FrozenTrial, TrialState

from headtohead.errors import UserError
from headtohead.sweeping.jobs import Jobs
from headtohead.sweeping.outcome import Outcome, Wanted, ended, recorded_outcome
from headtohead.sweeping.racing import race
from headtohead.sweeping.slots import run_jobs
from headtohead.sweeping.study import FINISHED, Job, SweepStudy

log = logging.getLogger(__name__)

Watch = Callable[[FrozenTrial | None], None]
"""Called with every trial that has reached its final state, and with None now and then while jobs run."""


class Controller:
    """Runs one study to its end.

    Args:
        watch: told of every final state.
    """

    def __init__(self, study: SweepStudy, jobs: Jobs, watch: Watch) -> None:
        self.study, self.jobs, self.watch = study, jobs, watch
        settings = study.settings
        self._wanted = Wanted(objectives=settings.objective, limited=[limit.path for limit in settings.constraints])
        self._left: deque[Job] = deque()
        self._ended_here: list[int] = []
        self._started = time.monotonic()

    def run(self) -> None:
        """Run every trial that is missing.

        Raises:
            UserError: more trials have failed than ``max_failure_rate`` allows, or all of them.
        """
        self._left.extend(self._cut_off())
        run_jobs(self.jobs, self._next, self._ended, lambda: self.watch(None))
        self._refuse_failures(at_end=True)

    def _cut_off(self) -> list[Job]:
        """Tell what finished while no controller listened; return the jobs of trials that were cut off."""
        jobs = [job for trial in self.study.trials(TrialState.RUNNING) if (job := self._advance(trial, {}, adopt=True))]
        if jobs:
            log.info("adopting the trials %s, which were cut off", ", ".join(str(job.number) for job in jobs))
        return jobs

    def _next(self) -> Job | None:
        if self._left:
            return self._left.popleft()
        timeout = self.study.settings.timeout
        is_late = timeout is not None and time.monotonic() - self._started > timeout
        return self.study.ask() if self.study.to_start() and not is_late else None

    def _ended(self, job: Job, error: BaseException | None) -> Job | None:
        """Take in how a job ended; return its trial's next: another attempt, the next seed, or none."""
        outcome = ended(job.folder, self._wanted, error)
        trial = self._trial(job.number)
        losses = int(trial.user_attrs.get("losses", 0))
        if outcome.retry and losses < self.study.settings.max_retries:
            self.study.note(job.number, losses=losses + 1)
            again = self.study.adopt(self._trial(job.number), job.place)
            log.warning("trial %d: %s; attempt %d", job.number, outcome.reason, again.attempt)
            return again
        follower = self._advance(trial, {job.place: outcome})
        self._refuse_failures()
        return follower

    def _advance(self, trial: FrozenTrial, known: Mapping[int, Outcome], *, adopt: bool = False) -> Job | None:
        """Tell a trial's state if its runs decide it, or return the job of the run that it needs next.

        Args:
            known: outcomes of its runs by place; the others are read from their records.
            adopt: the next run may have been cut off, so that it is another attempt.
        """
        done: list[Outcome] = []
        for place, folder in enumerate(self.study.run_folders(trial.number)):
            outcome = known.get(place) or recorded_outcome(folder, self._wanted)
            if outcome is None:
                break
            done.append(outcome)
        seeds = self.study.settings.seeds
        final = race(self.study.judge, trial.number, seeds, done) if seeds else next(iter(done), None)
        if final is None:
            return self.study.adopt(trial, len(done)) if adopt else self.study.job(trial, len(done))
        self._tell(trial.number, final)
        return None

    def _tell(self, number: int, outcome: Outcome) -> None:
        """Put a final state into the study, its attributes first: nothing can be added to a finished trial."""
        broken = self.study.constrain(number, outcome.limited)
        self.study.note(number, reason=outcome.reason or broken, seconds=outcome.seconds, tokens=outcome.tokens)
        self.study.tell(number, outcome.state, outcome.values if outcome.state == TrialState.COMPLETE else None)
        if outcome.state == TrialState.FAIL:
            log.warning("trial %d failed: %s", number, outcome.reason)
        self._ended_here.append(number)
        self.watch(self._trial(number))

    def _trial(self, number: int) -> FrozenTrial:
        return self.study.trials()[number]

    def _refuse_failures(self, *, at_end: bool = False) -> None:
        """End the sweep where too many of the latest trials have failed; an earlier command's do not count again.

        Raises:
            UserError: they have.
        """
        settings = self.study.settings
        latest = [self._trial(number) for number in self._ended_here[-settings.failure_window :]]
        failed = [trial for trial in latest if trial.state == TrialState.FAIL]
        all_failed = at_end and bool(latest) and all(t.state == TrialState.FAIL for t in self.study.trials(*FINISHED))
        if all_failed or len(failed) > settings.max_failure_rate * settings.failure_window:
            reasons = "\n".join(f"  trial {trial.number}: {trial.user_attrs.get('reason')}" for trial in failed[-3:])
            allowed = f"more than hydra.sweeper.max_failure_rate={settings.max_failure_rate} allows"
            raise UserError(
                f"{len(failed)} of the latest {len(latest)} trials of {self.study.name} failed, "
                f"{'and none completed' if all_failed else allowed}:\n{reasons}\n"
                "Everything is kept; the same command goes on once the cause is mended"
            )
