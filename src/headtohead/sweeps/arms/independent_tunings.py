"""Repeated tunings of an arm, each independent of the others: only these let a verdict speak of methods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.random import SeedSequence
from omegaconf import DictConfig

from headtohead.errors import UserError
from headtohead.sweeps.arms.arm_lists import FIRST_FRESH_SEED
from headtohead.sweeps.space.search_space import Space, sets
from headtohead.sweeps.sweeper_settings import Settings


def tunings_of(
    settings: Settings, arm: str, space: Space, name: str, folder: Path, config: DictConfig
) -> Iterator[tuple[str, Path, Space, Settings]]:
    """Yield name, folder, space and settings of the studies that tune an arm.

    A single tuning is the arm's own study. Of several each draws with another sampler seed and trains its trials with
    another seed, so that what one of them found by luck the others do not find too.

    Raises:
        UserError: several tunings that would be the same trials again.
    """
    if settings.tunings == 1:
        yield f"{name}/{arm}", folder / arm, space, settings
        return
    seeded = any(sets(line, ("seed",)) for line in space.fixed)
    if seeded and settings.is_grid:
        raise UserError(
            f"hydra.sweeper.tunings={settings.tunings}: with seed given, the tunings of a grid are the same trials; "
            "leave seed out (each tuning then has its own), or use a sampler that draws"
        )
    seeds = space.plan.seeds
    width = max(seeds, default=0) + 1
    if width * settings.tunings > FIRST_FRESH_SEED:
        raise UserError(f"hydra.sweeper.seeds={seeds} shifted for {settings.tunings} tunings reaches the fresh seeds")
    for number in range(1, settings.tunings + 1):
        own = replace(space, plan=space.plan.shifted(width * (number - 1)))
        if not seeded and not seeds:
            own = replace(own, fixed=[*own.fixed, f"seed={int(config.seed) + number - 1}"])
        part = f"tuning_{number}"
        yield f"{name}/{arm}/{part}", folder / arm / part, own, replace(settings, sampler=reseeded(settings, number))


def reseeded(settings: Settings, number: int) -> dict[str, Any] | None:
    """Return the sampler with a seed of its own; three parts keep it apart from the seeds of continued sweeps."""
    sampler = settings.sampler
    if sampler is None or sampler.get("seed") is None:
        return sampler
    return {**sampler, "seed": int(SeedSequence([int(sampler["seed"]), 0, number]).generate_state(1)[0])}
