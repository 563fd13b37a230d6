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
    report: Callable[[int, int, float], str | None] = lambda trial, step, value: None
    """Given trial, step and the deciding metric: why a sweep stops the trial, or None."""
    is_asked_to_stop: Callable[[], bool] = lambda: False
    """Asked after every step: whether to save and leave the rest to another process."""


def fit(pack: Pack, hooks: Hooks, *, checkpoints: Sequence[Path | None]) -> None:
    """Train every trial of a pack to its end, early stop or divergence.

    Resumes each trial from its newest checkpoint. A trial that diverges is marked and left; its neighbours go on.

    Args:
        checkpoints: folder of each trial; None keeps nothing.

    Raises:
        UserError: out of memory with one row per forward pass.
        Interrupted: asked to stop; a checkpoint of the last step stands.
    """
    for trial, folder in zip(pack.trials, checkpoints, strict=True):
        stored = load_checkpoint(folder) if folder else None
        if stored:
            trial.restore(*stored)
    saved = time.monotonic()
    while any(trial.is_training and trial.progress.step < trial.total_steps for trial in pack.trials):
        started = time.monotonic()
        before = [(trial.progress.step, trial.progress.tokens) for trial in pack.trials]
        rates = [pack.rate(trial) for trial in pack.trials]
        losses = pack.step()
        pack.drop_gradients()
        seconds = time.monotonic() - started
        for number, trial in enumerate(pack.trials):
            if trial.progress.step > before[number][0]:
                trial.progress.seconds += seconds
                tokens = trial.progress.tokens - before[number][1]
                values = {"loss": losses[number], "learning_rate": rates[number], "tokens_per_second": tokens / seconds}
                hooks.log(number, trial.progress.step, {f"train/{name}": value for name, value in values.items()})
        hooks.advance(pack, losses)
        evaluated = _evaluate_due(pack, hooks, [step for step, _ in before])
        is_late = time.monotonic() - saved > min(trial.config.checkpoint_seconds for trial in pack.trials)
        is_stopping = hooks.is_asked_to_stop()
        if evaluated or pack.processes.main_decides(is_late or is_stopping):
            _save(pack, checkpoints)
            saved = time.monotonic()
            if pack.processes.main_decides(is_stopping):
                raise Interrupted("asked to stop")
    for trial in pack.trials:
        if trial.progress.status != "diverged":
            trial.finish()


def _evaluate_due(pack: Pack, hooks: Hooks, before: list[int]) -> bool:
    """Evaluate the trials that have just reached an evaluation."""
    due = [
        number
        for number, trial in enumerate(pack.trials)
        if trial.is_training and trial.progress.step > before[number] and trial.evaluates_after(trial.progress.step)
    ]
    if not due:
        return False
    for number, metrics in hooks.evaluate(pack, due).items():
        trial = pack.trials[number]
        hooks.log(number, trial.progress.step, {f"validation/{name}": value for name, value in metrics.items()})
        trial.note_evaluation(metrics[hooks.metric], higher_is_better=hooks.higher_is_better)
        reason = hooks.report(number, trial.progress.step, metrics[hooks.metric])
        if reason and trial.is_training and trial.progress.step < trial.total_steps:
            trial.progress.status, trial.progress.reason = "pruned", reason
        if trial.is_training and trial.progress.step >= trial.total_steps:
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
    progress = trial.progress
    return {
        "steps": progress.step,
        "planned_steps": trial.total_steps,
        "best_step": progress.best_step,
        "best_value": progress.best_value,
        "status": progress.status,
        "reason": progress.reason,
    }
