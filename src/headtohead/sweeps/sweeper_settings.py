"""The sweeper's keys, checked, and what the published plugin's mean here."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from hydra.errors import HydraException
from hydra.utils import instantiate
from optuna.exceptions import ExperimentalWarning

from headtohead.config.numbers import require_numbers
from headtohead.errors import UserError, require_choice
from headtohead.evaluation.metrics import HIGHER_IS_BETTER
from headtohead.statistics.pairing import PAIRINGS
from headtohead.sweeps.arms.arm_lists import NAME, ArmSettings, ConfirmSettings, read_arms
from headtohead.sweeps.space.seed_lists import read_seeds
from headtohead.sweeps.study.constraints import Limit, read_constraints, require_readable

DIRECTIONS = ("minimize", "maximize")
GRID = "optuna.samplers.GridSampler"
BRUTE_FORCE = "optuna.samplers.BruteForceSampler"
CMAES = "optuna.samplers.CmaEsSampler"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One sweep, as configured; ``SweeperConf`` holds what each key means, and its default."""

    sampler: dict[str, Any] | None
    """``_target_`` and its arguments."""
    pruner: dict[str, Any] | None
    objective: list[str]
    direction: list[str] | None
    storage: str | None
    study_name: str | None
    n_trials: int
    n_jobs: int
    max_failure_rate: float
    failure_window: int
    max_retries: int
    seeds: list[int]
    constraints: list[Limit]
    params: dict[str, Any]
    custom_search_space: str | None
    enqueue: list[dict[str, Any]]
    timeout: float | None
    arms: list[ArmSettings]
    confirm: ConfirmSettings
    tunings: int
    margin: dict[str, float]
    alpha: float
    pairing: str = "none"

    def __post_init__(self) -> None:
        for key in ("n_trials", "n_jobs", "failure_window", "tunings"):
            if getattr(self, key) < 1:
                raise UserError(f"hydra.sweeper.{key} must be 1 or more, given {getattr(self, key)}")
        require_choice("hydra.sweeper.pairing", self.pairing, PAIRINGS)
        if self.max_retries < 0:
            raise UserError(f"hydra.sweeper.max_retries must be 0 or more, given {self.max_retries}")
        if self.study_name is not None and not NAME.fullmatch(self.study_name):
            raise UserError(
                f"hydra.sweeper.study_name={self.study_name!r} names a folder too: use letters, digits, '_', '.' and '-'"
            )
        if not 0 <= self.max_failure_rate <= 1:
            raise UserError(f"hydra.sweeper.max_failure_rate lies between 0 and 1, given {self.max_failure_rate}")
        for direction in self.direction or []:
            if direction not in DIRECTIONS:
                raise UserError(f"hydra.sweeper.direction must be minimize or maximize, given {direction!r}")
        for objective in self.objective:
            require_readable(objective, "hydra.sweeper.objective")
        if self.direction and len(self.direction) != max(1, len(self.objective)):
            raise UserError(
                f"hydra.sweeper.direction has {len(self.direction)} entries, objective {len(self.objective)}"
            )
        if self.timeout is not None and self.timeout <= 0:
            raise UserError(f"hydra.sweeper.timeout must be above 0 seconds, or null, given {self.timeout}")
        if self.is_grid and self.custom_search_space:
            raise UserError(
                "hydra.sweeper.sampler=grid runs combinations that are listed beforehand, which custom_search_space "
                "has none of: hydra/sweeper/sampler=brute_force walks through conditional spaces"
            )

    @property
    def is_grid(self) -> bool:
        """Whether every combination is run: asked for, or nothing but lists of values was given."""
        if self.sampler is None:
            return not self.params and self.custom_search_space is None
        return str(self.sampler.get("_target_")) == GRID

    @property
    def lists_values(self) -> bool:
        """Whether the sampler goes through values one by one, so that intervals mean nothing to it."""
        return self.is_grid or str((self.sampler or {}).get("_target_")) == BRUTE_FORCE

    @property
    def draws_by_cmaes(self) -> bool:
        """Whether the sampler is the one of Optuna's that comes in a package of its own, imported at its second trial."""
        return str((self.sampler or {}).get("_target_")) == CMAES

    def directions(self, metric: str) -> list[str]:
        """Return minimize or maximize for each objective: as configured, else the metric's own; costs are minimised.

        Args:
            metric: the validation metric that ``train.metric`` means.
        """
        return self.direction or self._own_directions(metric)

    def against_the_grain(self, metric: str) -> list[str]:
        """Return the objectives that are asked for in the direction in which they get worse, each with that direction.

        Args:
            metric: the validation metric that ``train.metric`` means.
        """
        names = self.objective or [f"metrics.validation.{metric}"]
        asked = zip(names, self.directions(metric), self._own_directions(metric), strict=True)
        return [f"{name} is {direction}d" for name, direction, own in asked if direction != own]

    def _own_directions(self, metric: str) -> list[str]:
        names = self.objective or [f"metrics.validation.{metric}"]
        higher = [name.startswith("metrics") and HIGHER_IS_BETTER.get(name.split(".")[2], True) for name in names]
        return ["maximize" if best else "minimize" for best in higher]

    def reported_objective(self, metric: str) -> int:
        """Return which objective the values are of that trials report to the pruner.

        Args:
            metric: the validation metric that ``train.metric`` means, which runs report at every evaluation.

        Raises:
            UserError: a pruner would judge by what is not optimised.
        """
        own = f"metrics.validation.{metric}"
        names = [name.removesuffix(".value") for name in self.objective] or [own]
        if own not in names and not self.pruner:
            return 0
        if own not in names:
            raise UserError(
                f"hydra.sweeper.pruner judges a run by its evaluations, which are of train.metric={metric}, and "
                f"hydra.sweeper.objective={', '.join(self.objective)} is another: add {own} to the objectives, set "
                "train.metric to one of them, or leave the pruner out"
            )
        return names.index(own)


def read_settings(plain: Mapping[str, Any]) -> Settings:
    """Build the settings from the sweeper's configuration.

    Args:
        plain: every key of ``SweeperConf``.

    Raises:
        UserError: a value out of range.
    """
    require_numbers(plain, "hydra.sweeper")
    given = {item.name: plain[item.name] for item in fields(Settings)}
    for key in ("objective", "direction"):
        given[key] = [given[key]] if isinstance(given[key], str) else given[key]
    given["objective"] = given["objective"] or []
    given["params"] = given["params"] or {}
    given["enqueue"] = given["enqueue"] or []
    for number, params in enumerate(given["enqueue"]):
        if not isinstance(params, dict):
            raise UserError(f"hydra.sweeper.enqueue[{number}] must be a mapping of key to value, given {params!r}")
    given["seeds"] = read_seeds(given["seeds"])
    given["constraints"] = read_constraints(given["constraints"] or {})
    given["arms"] = read_arms(given["arms"] or {})
    given["confirm"] = ConfirmSettings(**given["confirm"])
    return Settings(**given)


def build_sampler(settings: Settings, earlier_trials: int) -> Any:
    """Instantiate the sampler, seeded anew for every continuation: the same seed would draw the same values again.

    Raises:
        UserError: what is configured cannot be built.
    """
    from numpy.random import SeedSequence

    chosen = dict(settings.sampler or {"_target_": "optuna.samplers.TPESampler"})
    if settings.is_grid:  # its points are queued; this one is never asked
        chosen = {"_target_": "optuna.samplers.RandomSampler"}
    if chosen.get("seed") is not None and earlier_trials:
        chosen["seed"] = int(SeedSequence([int(chosen["seed"]), earlier_trials]).generate_state(1)[0])
    return _build("sampler", {key: value for key, value in chosen.items() if value is not None})


def build_pruner(configured: Mapping[str, Any] | None) -> Any:
    """Instantiate the pruner; none prunes nothing.

    Raises:
        UserError: what is configured cannot be built.
    """
    from optuna.pruners import NopPruner

    return _build("pruner", dict(configured)) if configured else NopPruner()


def _build(what: str, chosen: dict[str, Any]) -> Any:
    target = str(chosen.get("_target_"))
    if target.endswith("MOTPESampler"):
        raise UserError("Optuna 5 has no MOTPE sampler: hydra/sweeper/sampler=tpe takes several objectives")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # we pin Optuna, and it was asked for by name
            return instantiate(chosen)
    except HydraException as error:
        cause = error.__cause__ or error
        raise UserError(f"hydra.sweeper.{what} {target} cannot be built: {str(cause).splitlines()[0]}") from error
