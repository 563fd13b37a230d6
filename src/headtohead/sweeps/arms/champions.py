"""Configurations that stand for champion of a tuning: several are chosen among on fresh seeds, one is judged on others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from optuna.trial import FrozenTrial

from headtohead.sweeps.arms.arm_lists import ConfirmSettings
from headtohead.sweeps.arms.confirmation import champion, choosing_jobs, confirmation_jobs
from headtohead.sweeps.study.study import Job, SweepStudy


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The best trials of one tuning, and the jobs that make one of them the runs that are judged."""

    study: SweepStudy
    tuning: int
    """Its number, from 1."""
    trials: Sequence[FrozenTrial]
    """The best ranked first."""
    wanted: ConfirmSettings

    @cached_property
    def choosing(self) -> dict[int, list[Job]]:
        """By trial the runs that choose; none where nothing is to be chosen."""
        if len(self.trials) == 1:
            return {}
        return {
            trial.number: choosing_jobs(
                self.study, trial, self.wanted.seeds, tuning=self.tuning, fresh_samples=self.wanted.fresh_samples
            )
            for trial in self.trials
        }

    @cached_property
    def judged(self) -> list[Job]:
        """The runs that are judged; to be asked for when those that choose are over."""
        number = champion(self.study, self.choosing) if self.choosing else self.trials[0].number
        (chosen,) = [trial for trial in self.trials if trial.number == number]
        return confirmation_jobs(
            self.study, chosen, self.wanted.seeds, tuning=self.tuning, fresh_samples=self.wanted.fresh_samples
        )
