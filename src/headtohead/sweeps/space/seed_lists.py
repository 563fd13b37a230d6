"""``hydra.sweeper.seeds``: the same seeds for every trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headtohead.errors import UserError
from headtohead.sweeps.arms.arm_lists import FIRST_FRESH_SEED
from headtohead.sweeps.space.search_space import Space

WILCOXON = "optuna.pruners.WilcoxonPruner"


def read_seeds(given: Any) -> list[int]:
    """Read ``hydra.sweeper.seeds``; empty is one run with the configuration's own seed.

    Raises:
        UserError: it is no list of different seeds, or takes those that confirmation needs fresh.
    """
    seeds = [given] if isinstance(given, int) else given or []
    if not isinstance(seeds, list) or not are_whole(seeds):
        raise UserError(f"hydra.sweeper.seeds must be a list of whole numbers, such as [0,1,2], given {given!r}")
    if len(set(seeds)) < len(seeds):
        raise UserError(f"hydra.sweeper.seeds={seeds} names a seed twice")
    if seeds and not 0 <= min(seeds) <= max(seeds) < FIRST_FRESH_SEED:
        raise UserError(
            f"hydra.sweeper.seeds={seeds} must lie between 0 and {FIRST_FRESH_SEED - 1}: "
            "the seeds from there on are kept fresh to confirm the winners"
        )
    return seeds


def are_whole(values: Sequence[Any]) -> bool:
    """Whether all values are whole numbers; true and false are none."""
    return all(isinstance(value, int) and not isinstance(value, bool) for value in values)


def refuse_races_without_end(runs: int, pruner: Mapping[str, Any] | None) -> None:
    """Refuse a pruner that means nothing between repetitions, or that could never stop a trial before its last.

    Args:
        runs: of every trial.
        pruner: as configured.

    Raises:
        UserError: it is so.
    """
    if not runs or not pruner:
        return
    if pruner.get("_target_") != WILCOXON:
        raise UserError(
            f"hydra.sweeper.pruner is {str(pruner.get('_target_')).rpartition('.')[2]}, which compares the evaluations "
            "of a run, and trials that are repeated are compared seed by seed, or fold by fold: "
            "use hydra/sweeper/pruner=wilcoxon, or none"
        )
    most = runs - 1  # the last ends the trial anyway
    threshold, startup = float(pruner.get("p_threshold", 0.1)), max(2, int(pruner.get("n_startup_steps", 2)))
    if most < startup or threshold <= 0.5**most:
        raise UserError(
            f"hydra.sweeper.pruner can never stop a trial of {runs} runs before its last: it looks from "
            f"{startup} runs on, and after {most} the smallest p is {0.5**most:.4g}, with p_threshold={threshold:g}. "
            "Add seeds, raise hydra.sweeper.pruner.p_threshold, or leave the pruner out"
        )


def refuse_another_seed(space: Space) -> None:
    """Refuse a seed beside ``hydra.sweeper.seeds``.

    Raises:
        UserError: the space or the command line sets one.
    """
    if "seed" in {*space.dimensions, *(line.partition("=")[0].lstrip("+") for line in space.fixed)}:
        raise UserError("hydra.sweeper.seeds sets the seed of every run: leave seed out of the space and the overrides")
