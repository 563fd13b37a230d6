"""How many runs a cross-validation of arms takes, and whether an arm has anything to tune in its folds."""

from __future__ import annotations

from collections.abc import Mapping

from headtohead.notices import Notice
from headtohead.sweeps.space.search_space import Space
from headtohead.sweeps.sweeper_settings import Settings


def is_by_folds(spaces: Mapping[str, Space]) -> bool:
    """Whether arms are cross-validated; they share their rows, and so their folds."""
    return any(space.plan.folds for space in spaces.values())


def is_tuned(settings: Settings, space: Space) -> bool:
    """Whether there is anything to choose."""
    if settings.is_grid:
        return len(space.grid()) > 1
    return bool(space.dimensions) or settings.custom_search_space is not None


def runs_by_folds(settings: Settings, space: Space) -> int:
    """Return how many runs an arm takes: its folds, or in each fold its trials and the run of what they chose."""
    if not is_tuned(settings, space):
        return len(space.plan.places)
    trials = len(space.grid()) if settings.is_grid else settings.n_trials
    return len(space.plan.each_fold) * (trials * max(1, len(space.plan.seeds)) + 1)


def cost_of_folds(settings: Settings, spaces: Mapping[str, Space]) -> Notice:
    """Return what a cross-validation of arms takes, to be said before it begins."""
    parts = [_cost(settings, arm, space) for arm, space in spaces.items()]
    nested = any(is_tuned(settings, space) for space in spaces.values())
    why = ". Each fold is tuned by itself, since other folds test the rows that it would be tuned on" if nested else ""
    return Notice(
        text=f"cross-validation, {'; '.join(parts)}{why}. It takes the place of hydra.sweeper.confirm", leads=False
    )


def _cost(settings: Settings, arm: str, space: Space) -> str:
    folds, runs = len(space.plan.each_fold), runs_by_folds(settings, space)
    if not is_tuned(settings, space):
        return f"{arm}: {runs} runs"
    return f"{arm}: {folds} folds x ({(runs - folds) // folds} runs to tune and 1 to test) = {runs} runs"
