"""The one training loop. Knows no head, metric or tracker: it is given callables."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headtohead.errors import Diverged, Interrupted, Pruned
from headtohead.training.checkpoint import load_checkpoint, save_checkpoint
from headtohead.training.pack import Pack
from headtohead.training.schedule import warmup
from headtohead.training.trial import Trial

Evaluate = Callable[[Pack, Sequence[int]], dict[int, dict[str, float]]]
"""Given the pack and the trials to score: validation metrics of each, by trial."""
Log = Callable[[int, int, dict[str, float]], None]
"""Trial, step, values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What the loop calls."""

    evaluate: Evaluate
    log: Log
    metric: str
    """The validation metric that picks the best weights."""
    higher_is_better: bool
    advance: Callable[[Pack, list[float]], None] = lambda pack, losses: None
    """Called after every step: progress display."""
    report: Callable[[int, int, float], None] = lambda trial, step, value: None
    """Given trial, step and the deciding metric: tells its sweep."""
    stops: Callable[[int, int, float], str | None] = lambda trial, step, value: None
    """Asked once all trials that were due have reported: why the sweep stops the trial, or None."""
    is_asked_to_stop: Callable[[], bool] = lambda: False
    """Asked after every step: whether to save and leave the rest to another process."""


def fit(pack: Pack, hooks: Hooks, *, checkpoints: Sequence[Path | None]) -> None:
    """Train every trial of a pack to its end, early stop or divergence, from its newest checkpoint on.

    See ``train_on``, which this is from start to end.
    """
    for trial, folder in zip(pack.trials, checkpoints, strict=True):
        resume(trial, folder)
    train_on(pack, hooks, checkpoints=checkpoints)


def resume(trial: Trial, folder: Path | None) -> None:
    """Take up a trial where its newest checkpoint left off, if there is one."""
    stored = load_checkpoint(folder) if folder else None
    if stored:
        trial.restore(*stored)


def train_on(
    pack: Pack, hooks: Hooks, *, checkpoints: Sequence[Path | None], pauses: Callable[[Pack], bool] = lambda pack: False
) -> None:
    """Train until all trials of a pack have ended, or until it is told to pause.

    A trial that diverges is marked and left; its neighbours go on.

    Args:
        checkpoints: folder of each trial; None keeps nothing.
        pauses: asked between steps whether to return before all have ended.

    Raises:
        UserError: out of memory with one row per forward pass.
        Interrupted: asked to stop; a checkpoint of the last step stands.
    """
    saved = time.monotonic()
    while not all(trial.has_ended for trial in pack.trials) and not pauses(pack):
        evaluated = _step(pack, hooks)
        is_late = time.monotonic() - saved > min(trial.config.checkpoint_seconds for trial in pack.trials)
        is_stopping = hooks.is_asked_to_stop()
        if evaluated or pack.processes.main_decides(is_late or is_stopping):
            _save(pack, checkpoints)
            saved = time.monotonic()
            if pack.processes.main_decides(is_stopping):
                raise Interrupted("asked to stop")
    for trial in pack.trials:
        if trial.has_ended and trial.progress.status != "diverged":
            trial.finish()


def _step(pack: Pack, hooks: Hooks) -> bool:
    """Take a step of every trial, tell what it was like, and evaluate where one is due; return whether any was.

    The time of a step is shared by the trials that took it.
    """
    started = time.monotonic()
    before = [(trial.progress.step, trial.progress.tokens) for trial in pack.trials]
    rates = [pack.rate(trial) for trial in pack.trials]
    losses = pack.step()
    pack.drop_gradients()
    seconds = time.monotonic() - started
    stepped = [number for number, trial in enumerate(pack.trials) if trial.progress.step > before[number][0]]
    for number in stepped:
        trial = pack.trials[number]
        trial.progress.seconds += seconds / len(stepped)
        tokens = trial.progress.tokens - before[number][1]
        values = {"loss": losses[number], "learning_rate": rates[number], "tokens_per_second": tokens / seconds}
        hooks.log(number, trial.progress.step, {f"train/{name}": value for name, value in values.items()})
    hooks.advance(pack, losses)
    return _evaluate_due(pack, hooks, stepped)


def _evaluate_due(pack: Pack, hooks: Hooks, stepped: Sequence[int]) -> bool:
    """Evaluate the trials that have just reached an evaluation; all report before any of them is stopped."""
    due = [
        number
        for number in stepped
        if (trial := pack.trials[number]).is_training and trial.evaluates_after(trial.progress.step)
    ]
    if not due:
        return False
    evaluated = hooks.evaluate(pack, due)
    for number, metrics in evaluated.items():
        trial = pack.trials[number]
        hooks.log(number, trial.progress.step, {f"validation/{name}": value for name, value in metrics.items()})
        trial.note_evaluation(metrics[hooks.metric], higher_is_better=hooks.higher_is_better)
        hooks.report(number, trial.progress.step, metrics[hooks.metric])
    for number, metrics in evaluated.items():
        trial = pack.trials[number]
        reason = hooks.stops(number, trial.progress.step, metrics[hooks.metric])
        if reason and not trial.has_ended:
            trial.progress.status, trial.progress.reason = "pruned", reason
        if trial.is_training and trial.has_ended:
            trial.progress.status = "done"
    return True


def _save(pack: Pack, checkpoints: Sequence[Path | None]) -> None:
    """Write a checkpoint of every trial; every process holds a part of sharded weights, the main one writes."""
    for trial, folder in zip(pack.trials, checkpoints, strict=True):
        if folder and (pack.processes.is_main or trial.weights.is_sharded):
            tensors = trial.tensors()
            if pack.processes.is_main:
                save_checkpoint(folder, trial.progress.step, tensors, trial.progress_dict())


def require_finished(trial: Trial) -> None:
    """Refuse to go on with a trial that diverged or was stopped by its sweep.

    Raises:
        Diverged: it did.
        Pruned: it was.
    """
    if trial.progress.status == "pruned":
        raise Pruned(trial.progress.reason)
    if trial.progress.status == "diverged":
        raise Diverged(f"training diverged: {trial.progress.reason}; lower train.learning_rate or set train.clip_norm")


def progress_summary(trial: Trial) -> dict[str, Any]:
    """Return what the record says of a trial's training."""
    progress, total = trial.progress, trial.total_steps
    return {
        "steps": progress.step,
        "planned_steps": total,
        "planned_epochs": round(total / trial.steps_per_epoch, 3),
        "warmup_steps": warmup(trial.config, total),
        "best_step": progress.best_step,
        "best_value": progress.best_value,
        "status": progress.status,
        "reason": progress.reason,
    }
