"""When failed trials end a sweep, and when it has come to nothing."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from headtohead.errors import UserError
from headtohead.sweeps.study.study import LOST, SweepStudy, has_failed

SHOWN = 3
"""Reasons in a message."""


def refuse_failures(study: SweepStudy, ended: Sequence[int]) -> None:
    """End a sweep of whose latest trials too many have failed; an earlier command's do not count again.

    Args:
        ended: numbers of the trials that this command has brought to an end, in that order.

    Raises:
        UserError: they have.
    """
    settings, trials = study.settings, study.trials()
    latest = [trials[number] for number in ended[-settings.failure_window :]]
    failed = [trial for trial in latest if has_failed(trial)]
    if len(failed) > settings.max_failure_rate * settings.failure_window:
        allowed = f"more than hydra.sweeper.max_failure_rate={settings.max_failure_rate} allows"
        raise UserError(
            f"{len(failed)} of the latest {len(latest)} trials of {study.name} failed, {allowed}:\n{_reasons(failed)}\n"
            f"{_what_to_do(failed)}"
        )


def refuse_nothing(study: SweepStudy) -> None:
    """Refuse to call a sweep finished of which no trial has completed.

    Raises:
        UserError: none has.
    """
    if study.trials(TrialState.COMPLETE):
        return
    trials, pruned = study.trials(), len(study.trials(TrialState.PRUNED))
    failed = [trial for trial in trials if has_failed(trial)]
    if failed:
        others = f", {pruned} were pruned," if pruned else ","
        raise UserError(
            f"{len(failed)} of {len(trials)} trials of {study.name} failed{others} and none completed:\n"
            f"{_reasons(failed)}\n{_what_to_do(failed)}"
        )
    if study.settings.timeout is not None and study.to_start():
        raise UserError(
            f"no trial of {study.name} completed within hydra.sweeper.timeout={study.settings.timeout:g} seconds. "
            "Everything is kept; the same command goes on"
        )
    raise UserError(
        f"no trial of {study.name} completed: the pruner stopped all {pruned} of them. "
        "Leave it out (hydra.sweeper.pruner=null), or let it look later"
    )


def _reasons(failed: Sequence[FrozenTrial]) -> str:
    return "\n".join(f"  trial {trial.number}: {trial.user_attrs.get('reason')}" for trial in failed[-SHOWN:])


def _what_to_do(failed: Sequence[FrozenTrial]) -> str:
    if any(trial.user_attrs.get(LOST) for trial in failed):
        return "Everything is kept; the same command goes on once the cause is mended, and tries these trials again"
    return (
        "Everything is kept. Their own settings are at fault, so that they are not tried again: change what is varied"
    )
