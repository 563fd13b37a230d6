"""The loop of a sweep: adopt, start, wait for whichever job ends first, tell, decide whether to go on."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping

from optuna.trial import FrozenTrial, TrialState

from headtohead.launching import forgive
from headtohead.sweeps.failed_trials import refuse_failures, refuse_nothing
from headtohead.sweeps.racing import race
from headtohead.sweeps.slots import run_jobs
from headtohead.sweeps.study.outcome import Outcome, Wanted, ended, may_try_again, recorded_outcome
from headtohead.sweeps.study.study import Job, SweepStudy, has_ended
from headtohead.sweeps.sweep_jobs import Jobs

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
        self._under_way: set[tuple[int, int]] = set()
        self._started = time.monotonic()

    def run(self) -> None:
        """Run every trial that is missing.

        Raises:
            UserError: more trials have failed than ``max_failure_rate`` allows, or none has completed.
        """
        self._left.extend(self._cut_off())
        run_jobs(self.jobs, self._next, self._ended, lambda: self.watch(None))
        refuse_failures(self.study, self._ended_here)
        refuse_nothing(self.study)

    def _cut_off(self) -> list[Job]:
        """Tell what finished while no controller listened; return the jobs of trials that were cut off or lost."""
        jobs = [job for trial in self.study.trials(TrialState.RUNNING) if (job := self._advance(trial, {}, adopt=True))]
        for job in jobs:
            forgive(job.folder)
        if jobs:
            log.info(
                "going on with the trials %s, which were cut off or failed for what may be mended by now",
                ", ".join(str(job.number) for job in jobs),
            )
        return jobs

    def _next(self) -> Job | None:
        if self._left:
            return self._left.popleft()
        timeout = self.study.settings.timeout
        is_late = timeout is not None and time.monotonic() - self._started > timeout
        if self.study.to_start() and not is_late:
            return self._started_job(self.study.ask())
        return self._ahead()

    def _ahead(self) -> Job | None:
        """Return a run for a free slot of a trial that has others under way; where trials race, each waits for the one before."""
        if self.study.settings.pruner is not None:
            return None
        numbers = sorted({number for number, _ in self._under_way})
        return next((job for number in numbers if (job := self._missing(self._trial(number)))), None)

    def _missing(self, trial: FrozenTrial) -> Job | None:
        """Return the first of a trial's runs that has neither ended nor is under way."""
        for place, folder in enumerate(self.study.run_folders(trial.number)):
            if (trial.number, place) not in self._under_way and recorded_outcome(folder, self._wanted) is None:
                return self._started_job(self.study.job(trial, place))
        return None

    def _started_job(self, job: Job) -> Job:
        self._under_way.add((job.number, job.place))
        return job

    def _ended(self, job: Job, error: BaseException | None) -> Job | None:
        """Take in how a job ended; return its trial's next: another attempt, the next repetition, or none."""
        outcome = ended(job.folder, self._wanted, error)
        if may_try_again(outcome, job.folder, self.study.settings.max_retries):
            again = self.study.adopt(self._trial(job.number), job.place)
            log.warning("trial %d: %s; attempt %d", job.number, outcome.reason, again.attempt)
            return again
        self._under_way.discard((job.number, job.place))
        follower = self._advance(self._trial(job.number), {job.place: outcome})
        refuse_failures(self.study, self._ended_here)
        return follower

    def _advance(self, trial: FrozenTrial, known: Mapping[int, Outcome], *, adopt: bool = False) -> Job | None:
        """Tell a trial's state if its runs decide it, or return the job of the run that it needs next.

        Args:
            known: outcomes of its runs by place; the others are read from their records.
            adopt: the next run may have been cut off, so that it is another attempt.
        """
        if not adopt and has_ended(trial):  # another of its runs has decided it
            return None
        done: list[Outcome] = []
        for place, folder in enumerate(self.study.run_folders(trial.number)):
            outcome = known.get(place) or recorded_outcome(folder, self._wanted)
            if outcome is None or (adopt and outcome.is_lost):
                break
            done.append(outcome)
        places = self.study.places
        final = race(self.study.judge, trial.number, places, done) if places else next(iter(done), None)
        if final is None:
            return self._started_job(self.study.adopt(trial, len(done))) if adopt else self._missing(trial)
        self._tell(trial.number, final)
        return None

    def _tell(self, number: int, outcome: Outcome) -> None:
        """Put a final state into the study, its attributes first: nothing can be added to a finished trial."""
        broken = self.study.constrain(number, outcome.limited)
        self.study.note(number, reason=outcome.reason or broken, seconds=outcome.seconds, tokens=outcome.tokens)
        if outcome.is_lost:
            self.study.lose(number)
        else:
            self.study.tell(number, outcome.state, outcome.values if outcome.state == TrialState.COMPLETE else None)
        self._ended_here.append(number)
        self.watch(self._trial(number))

    def _trial(self, number: int) -> FrozenTrial:
        return self.study.trials()[number]
