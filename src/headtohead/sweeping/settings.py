"""The sweeper's keys, checked, and what the published plugin's mean here."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hydra.errors import HydraException
from hydra.utils import instantiate
from optuna.exceptions import ExperimentalWarning

from headtohead.errors import UserError
from headtohead.evaluation.metrics import HIGHER_IS_BETTER
from headtohead.sweeping.arms import ArmSettings, ConfirmSettings, read_arms

DIRECTIONS = ("minimize", "maximize")
OBJECTIVES = ("metrics.validation.", "cost.")
GRID = "optuna.samplers.GridSampler"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One sweep, as configured."""

    sampler: dict[str, Any] | None = None
    """``_target_`` and its arguments."""
    pruner: dict[str, Any] | None = None
    objective: list[str] = field(default_factory=list)
    direction: list[str] | None = None
    storage: str | None = "auto"
    study_name: str | None = None
    n_trials: int = 20
    n_jobs: int = 1
    max_failure_rate: float = 0.5
    failure_window: int = 10
    max_retries: int = 1
    params: dict[str, Any] = field(default_factory=dict)
    custom_search_space: str | None = None
    enqueue: list[dict[str, Any]] = field(default_factory=list)
    timeout: float | None = None
    arms: list[ArmSettings] = field(default_factory=list)
    confirm: ConfirmSettings = field(default_factory=ConfirmSettings)
    tunings: int = 1
    margin: dict[str, float] = field(default_factory=dict)
    alpha: float = 0.05

    def __post_init__(self) -> None:
        for key in ("n_trials", "n_jobs", "failure_window", "tunings"):
            if getattr(self, key) < 1:
                raise UserError(f"hydra.sweeper.{key} must be 1 or more, given {getattr(self, key)}")
        if not 0 <= self.max_failure_rate <= 1:
            raise UserError(f"hydra.sweeper.max_failure_rate lies between 0 and 1, given {self.max_failure_rate}")
        for direction in self.direction or []:
            if direction not in DIRECTIONS:
                raise UserError(f"hydra.sweeper.direction must be minimize or maximize, given {direction!r}")
        for objective in self.objective:
            if not objective.startswith(OBJECTIVES):
                raise UserError(
                    f"hydra.sweeper.objective={objective} is not a path into a record that a sweep may optimise: "
                    f"start with {' or '.join(OBJECTIVES)}. Validation tunes, test reports"
                )
        if self.direction and len(self.direction) != max(1, len(self.objective)):
            raise UserError(
                f"hydra.sweeper.direction has {len(self.direction)} entries, objective {len(self.objective)}"
            )

    @property
    def is_grid(self) -> bool:
        """Whether every combination is run: asked for, or nothing but lists of values was given."""
        if self.sampler is None:
            return not self.params and self.custom_search_space is None
        return str(self.sampler.get("_target_")) == GRID

    def directions(self, metric: str) -> list[str]:
        """Return minimize or maximize for each objective: as configured, else the metric's own; costs are minimised.

        Args:
            metric: the validation metric that ``train.metric`` means.
        """
        if self.direction:
            return self.direction
        names = self.objective or [f"metrics.validation.{metric}"]
        higher = [name.startswith("metrics") and HIGHER_IS_BETTER.get(name.split(".")[2], True) for name in names]
        return ["maximize" if best else "minimize" for best in higher]


def read_settings(plain: Mapping[str, Any]) -> Settings:
    """Build the settings from the sweeper's configuration.

    Raises:
        UserError: a value out of range.
    """
    known = set(Settings.__dataclass_fields__)
    given = {key: value for key, value in plain.items() if key in known}
    for key in ("objective", "direction"):
        given[key] = [given[key]] if isinstance(given.get(key), str) else given.get(key)
    given["objective"] = given["objective"] or []
    given["params"] = given.get("params") or {}
    for number, params in enumerate(given.get("enqueue") or []):
        if not isinstance(params, dict):
            raise UserError(f"hydra.sweeper.enqueue[{number}] must be a mapping of key to value, given {params!r}")
    given["arms"] = read_arms(given.get("arms") or {})
    given["confirm"] = ConfirmSettings(**(given.get("confirm") or {}))
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
