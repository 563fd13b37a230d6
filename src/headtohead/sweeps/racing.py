"""Trials of several runs (seeds, folds): given up early where they are clearly worse than the best's.

Every trial is repeated over the same, so that the pruner's test is paired: what a seed does to all trials alike drops out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from optuna.trial import TrialState

from headtohead.sweeps.space.repetition_plan import Place
from headtohead.sweeps.study.outcome import Outcome
from headtohead.sweeps.study.pruner_client import Judge


def race(judge: Judge, number: int, places: Sequence[Place], done: Sequence[Outcome]) -> Outcome | None:
    """Return a trial's outcome from those of its runs so far, or None where another must end.

    Args:
        judge: is told of every run's value, and asked whether they are enough.
        number: of the trial.
        places: of every trial.
        done: outcomes of the first of them.
    """
    reported = judge.reports(number)
    for place, outcome in enumerate(done):
        if outcome.state != TrialState.COMPLETE:
            return replace(outcome, reason=f"{places[place]}: {outcome.reason}")
        if place not in reported:
            assert outcome.values is not None
            judge.report(number, place, outcome.values[judge.objective])
    if not done:
        return None
    mean = _mean(done)
    if len(done) == len(places):
        return mean
    if judge.stops(number):
        assert mean.values is not None
        reason = f"{judge.name} after {len(done)} of {len(places)} runs, mean {mean.values[judge.objective]:.4g}"
        return replace(mean, state=TrialState.PRUNED, reason=reason)
    return None


def _mean(done: Sequence[Outcome]) -> Outcome:
    """Return what runs say together: means, and their times added up."""
    return Outcome(
        state=TrialState.COMPLETE,
        values=[fmean(values) for values in zip(*(outcome.values or [] for outcome in done), strict=True)],
        seconds=sum(outcome.seconds or 0.0 for outcome in done) or None,
        tokens=sum(outcome.tokens or 0 for outcome in done) or None,
        limited={path: _mean_of([outcome.limited[path] for outcome in done]) for path in done[0].limited},
    )


def _mean_of(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if len(known) == len(values) else None
