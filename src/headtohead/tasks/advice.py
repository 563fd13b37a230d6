"""Advice for a run that did no better than a baseline: what to try next, by how its training went."""

from __future__ import annotations

from typing import Any

from headtohead.config import Config
from headtohead.notices import Notice
from headtohead.reporting.finding import verdict
from headtohead.results import RunRecord
from headtohead.training.schedule import LEAST_STEPS

RATES = "-m 'train.learning_rate=1e-4,3e-4,1e-3,3e-3'"


def advice(config: Config, record: RunRecord) -> Notice | None:
    """Return what to add to the command of a run that is below a baseline or no better; None for any other.

    Args:
        record: its metrics and baselines filled.
    """
    found = verdict(record)
    if config.model.kind == "tfidf" or found is None or found.tone != "bad":
        return None
    why, command = _what_to_try(config, record.cost["training"])
    return Notice(text=f"{found.title}: {why}:", command=command)


def _what_to_try(config: Config, training: dict[str, Any]) -> tuple[str, str]:
    """Return a reason, and the overrides that follow from it."""
    steps, planned = training["steps"], training["planned_steps"]
    if config.model.kind == "tiny":
        return "model=tiny is random, and for tests. A model that has read something", "model=minilm_l6"
    if planned == 0:
        return "nothing was trained (train.steps=0). To train it", "train.steps=null"
    is_open = config.train.steps is None and config.train.epochs is None
    if planned < LEAST_STEPS and not is_open:
        return (
            f"{planned} steps teach little. To train as long as so many rows need",
            "train.steps=null train.epochs=auto",
        )
    if config.lora.kind == "frozen":
        return "the head alone was trained. To train layers below it as well", "lora=r16_top_half"
    if training["best_step"] == steps:
        longer = max(round(2 * training["planned_epochs"], 2), 1)
        return (
            "the last step was the best on validation. To train twice as long",
            f"train.steps=null train.epochs={longer:g}",
        )
    return f"the best of {steps} steps on validation was step {training['best_step']}. Other learning rates", RATES
