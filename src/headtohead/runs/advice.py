"""Advice for a run that did no better than a baseline: what to try next, by how its training went."""

from __future__ import annotations

from typing import Any

from headtohead.config import Config
from headtohead.evaluation import HIGHER_IS_BETTER
from headtohead.notices import Notice
from headtohead.reporting.finding import headline, main_split, verdict
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
    if _is_perfect(record):  # and the baseline with it: there is nothing to gain by training
        cheaper = "model=tfidf head=classification loss=cross_entropy" if config.head.is_generative else "model=tfidf"
        return Notice(text=f"{found.title}: both answer every row right. What costs less:", command=cheaper)
    why, command = _what_to_try(config, record.cost["training"])
    return Notice(text=f"{found.title}: {why}:", command=command)


def _is_perfect(record: RunRecord) -> bool:
    split = main_split(record)
    metric = headline(record.metrics[split]) if split else None
    if split is None or metric is None:
        return False
    return record.metrics[split][metric]["value"] == float(HIGHER_IS_BETTER[metric])


def _what_to_try(config: Config, training: dict[str, Any]) -> tuple[str, str]:
    """Return a reason, and the overrides that follow from it."""
    steps, planned = training["steps"], training["planned_steps"]
    if config.model.kind == "tiny":
        said = "model=tiny is random, and for tests. A model that has read something, in place of it and its settings"
        return said, "model=minilm_l6"
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
