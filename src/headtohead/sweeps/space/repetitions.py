"""Taking seeds and folds out of a search space: whatever is repeated is averaged, never chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from omegaconf import DictConfig, OmegaConf

from headtohead.errors import UserError
from headtohead.sweeps.space.repetition_plan import SHORT, Plan
from headtohead.sweeps.space.search_space import Dimension, Space
from headtohead.sweeps.space.seed_lists import are_whole, refuse_another_seed

FOLDS, REPEATS = "data.split.folds", "data.split.repeats"
OF_FOLDS = (FOLDS, REPEATS, "data.split.fold", "data.split.repeat", "data.split.test")


def with_plan(space: Space, seeds: Sequence[int], config: DictConfig | None = None, *, drawn: bool = False) -> Space:
    """Take what is repeated out of a space and into its plan.

    Args:
        space: as it was written.
        seeds: ``hydra.sweeper.seeds``.
        config: of the sweep, for what the space leaves as it is.
        drawn: a sampler draws from the space; it could draw a seed, and call it the best.

    Raises:
        UserError: seeds given twice, an interval of seeds, or folds of a cross-validation that has none.
    """
    if seeds:
        refuse_another_seed(space)
    repeated = {key: _listed(space.dimensions[key], drawn=drawn) for key in SHORT if key in space.dimensions}
    if seeds:
        repeated["seed"] = list(seeds)
    for key in (FOLDS, REPEATS):
        if key in space.dimensions:
            raise UserError(
                f"{key}={space.dimensions[key]}: how rows are folded is no setting to search, since figures of other folds are "
                "of other rows: give one number, and make a sweep of each"
            )
    folds = _number(space, config, FOLDS)
    if folds and not _is_fixed(space, "data.split.fold"):
        repeated = {**_all_folds(space, config, folds), **repeated}
    elif "data.split.fold" in repeated or "data.split.repeat" in repeated:
        raise UserError(
            "data.split.fold and data.split.repeat say which part of a cross-validation is tested: set data.split.folds=5, "
            "and a sweep runs all of them"
        )
    else:
        folds = 0
    varied = {name: dimension for name, dimension in space.dimensions.items() if name not in SHORT}
    plan = Plan(repeated=repeated, folds=folds, first_seed=_number(space, config, "seed"))
    return replace(space, dimensions=varied, plan=plan)


def _listed(dimension: Dimension, *, drawn: bool) -> list[int]:
    """Return the values of a repetition."""
    if dimension.values is None or (drawn and not dimension.is_categorical):
        raise UserError(
            f"{dimension.name}={dimension}: a seed or a fold is no setting to search, since the best of them is luck. "
            f"{'hydra.sweeper.seeds=[0,1,2] runs' if dimension.name == 'seed' else 'A list such as 0,1,2 runs'} every "
            "trial on all of them"
        )
    if not are_whole(dimension.values):
        raise UserError(f"{dimension.name}={dimension}: repetitions are numbered by whole numbers, such as 0,1,2")
    return [int(value) for value in dimension.values]


def _all_folds(space: Space, config: DictConfig | None, folds: int) -> dict[str, list[int]]:
    fixed = _is_fixed(space, "data.split.repeat")
    repeats = [_number(space, config, "data.split.repeat")] if fixed else range(_number(space, config, REPEATS) or 1)
    return {"data.split.repeat": list(repeats), "data.split.fold": list(range(folds))}


def _is_fixed(space: Space, key: str) -> bool:
    return any(_key(line) == key for line in space.fixed)


def _number(space: Space, config: DictConfig | None, key: str) -> int:
    """Return the whole number that a key has in every trial; 0 where nothing sets it."""
    for line in reversed(space.fixed):
        if _key(line) == key and (value := line.partition("=")[2].strip()).lstrip("-").isdecimal():
            return int(value)
    return int((None if config is None else OmegaConf.select(config, key)) or 0)


def _key(line: str) -> str:
    return line.partition("=")[0].lstrip("+")


def on_all_rows(lines: Sequence[str]) -> Iterator[str]:
    """Yield the overrides of a fold's run that make it one over the rows of all folds."""
    yield from (line for line in lines if _key(line) not in OF_FOLDS)
    if not any(_key(line) == FOLDS for line in lines):  # a file of the configuration sets them
        yield from (f"{FOLDS}=0", f"{REPEATS}=1")
    yield "data.split.test=0"
