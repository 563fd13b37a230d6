"""What can be known to be wrong before any training: spaces that do not compose, arms that are one, unknown metrics."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException
from optuna.distributions import BaseDistribution

from headtohead.config import CompareConfig, Config
from headtohead.errors import UserError, near_names
from headtohead.evaluation.metrics import HIGHER_IS_BETTER
from headtohead.hydra_io.composition import Composer
from headtohead.hydra_io.refused_settings import explain_composition
from headtohead.hydra_io.schema import fingerprint_of, to_typed
from headtohead.internals.optuna_internals import contains
from headtohead.packages import require
from headtohead.statistics.equivalence import refuse_wide_margin
from headtohead.statistics.pairing import refuse_paired_folds
from headtohead.statistics.unit_shares import metrics_of_kind
from headtohead.sweeps.arms.arm_lists import FIRST_FRESH_SEED, ArmSettings
from headtohead.sweeps.arms.fresh_samples import refuse_odd_samples
from headtohead.sweeps.space.override_values import label, literal
from headtohead.sweeps.space.search_space import Space, keys_of
from headtohead.sweeps.sweeper_settings import Settings

Check = Callable[[Config], None]
"""Refuses a configuration of which no run can come."""


def check_sweep(settings: Settings, spaces: Mapping[str, Space], compose: Composer, check: Check) -> dict[str, Config]:
    """Refuse what would be found out only after trials have run; return the first configuration of every space.

    Args:
        spaces: of every arm by name, or of the one study, named "".
        check: whether data, model and settings go together.

    Raises:
        UserError: a mistyped key or choice, arms that are the same or have several objectives, a metric that the data have not,
            a sampler whose package is missing.
    """
    if len(settings.objective) > 1 and "" not in spaces:
        raise UserError(
            f"hydra.sweeper.objective={', '.join(settings.objective)}: arms are compared by their best configurations, which "
            "several objectives do not order; name one, and bound the others with hydra.sweeper.constraints"
        )
    if settings.draws_by_cmaes:
        require("cmaes", "hydra/sweeper/sampler=cmaes")
    firsts = {}
    for arm, space in spaces.items():
        where = f"hydra.sweeper.arms.{arm}: " if arm else ""
        firsts[arm] = _check_space(space, compose, check, where)
        _check_enqueued(settings, space, where)
    _refuse_same(firsts, spaces)
    _refuse_other_metrics(firsts, spaces)
    if "" not in spaces:
        _refuse_other_rows(firsts)
        _refuse_fresh_seeds(settings, firsts, spaces)
        if any(config.data.split.folds for config, _ in firsts.values()):
            refuse_paired_folds(settings.pairing, "hydra.sweeper.pairing")
        if settings.confirm.fresh_samples:
            refuse_odd_samples({arm: config.data for arm, (config, _) in firsts.items()}, spaces)
    for config, _ in firsts.values():
        _check_metrics(settings, config)
    return {arm: config for arm, (config, _) in firsts.items()}


def refusal(overrides: Sequence[str], compose: Composer, check: Check) -> str | None:
    """Return why a trial's overrides can make no run, or None."""
    try:
        check(to_typed(compose(overrides)))
    except (HydraException, OmegaConfBaseException, UserError) as error:
        return str(error)
    return None


def refuse_late_pruner(pruner: Mapping[str, Any], steps: int | None) -> None:
    """Refuse a pruner that first looks at a step that no run reaches.

    Args:
        steps: of a run; None where they are not known beforehand.

    Raises:
        UserError: it could never stop one.
    """
    for key in ("min_resource", "n_warmup_steps"):
        if steps is not None and int(pruner.get(key) or 0) > steps:
            raise UserError(
                f"hydra.sweeper.pruner.{key}={pruner[key]}: a run has {steps} steps, so that it could never be stopped; "
                f"set hydra.sweeper.pruner.{key}={max(1, steps // 4)}, train for longer, or leave the pruner out"
            )


def refuse_contested(arms: Sequence[ArmSettings], params: Mapping[str, Any], arguments: Sequence[str]) -> None:
    """Refuse keys that an arm fixes and something else sets too: one of them would be dropped in silence.

    Raises:
        UserError: there is one.
    """
    varied, given = set(params), keys_of(arguments)
    for arm in arms:
        for key in keys_of(arm.overrides):
            where = f"hydra.sweeper.arms.{arm.name} sets {key}"
            if key in varied | set(arm.params):
                raise UserError(f"{where}, which hydra.sweeper.params varies: what an arm fixes cannot be tuned in it")
            if key in given:
                raise UserError(f"{where}, and so does the command line: leave it out there, the arms decide on it")


def _check_space(space: Space, compose: Composer, check: Check, where: str) -> tuple[Config, str]:
    """Compose a job with every listed value; return the first, and its fingerprint.

    A value whose configuration is refused may still go with other values of another key: only one that goes with none
    of them is a mistake, and a combination that is refused later is a failed trial.
    """
    values = {name: dimension.some_values() for name, dimension in space.dimensions.items()}
    first = {name: listed[0] for name, listed in values.items()}
    try:
        composed = compose(space.overrides(first))
        typed = _typed(space, first, compose, check, values)
        for name, listed in values.items():
            for value in listed[1:]:
                _typed(space, {**first, name: value}, compose, check, {k: v for k, v in values.items() if k != name})
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(f"{where}{explain_composition(error)}") from error
    except UserError as error:
        raise UserError(f"{where}{error}") from error
    return typed, fingerprint_of(composed)


def _typed(
    space: Space, point: dict[str, Any], compose: Composer, check: Check, others: Mapping[str, list[Any]]
) -> Config:
    """Return the typed configuration of a point, or of a neighbour of it if its own is refused."""

    def checked(values: dict[str, Any]) -> Config:
        config = to_typed(compose(space.overrides(values)))
        check(config)
        return config

    try:
        return checked(point)
    except UserError as error:
        for name, listed in others.items():
            for value in listed:
                try:
                    return checked({**point, name: value})
                except UserError:
                    continue
        raise error


def _check_enqueued(settings: Settings, space: Space, where: str) -> None:
    for number, given in enumerate(settings.enqueue):
        key = f"{where}hydra.sweeper.enqueue[{number}]"
        for name, value in given.items():
            dimension = space.dimensions.get(str(name).lstrip("+"))
            if dimension is not None and not _holds(dimension.distribution, label(literal(value))):
                raise UserError(f"{key}: {name}={value!r} lies outside the search space, {name}={dimension}")
            if dimension is None and not settings.custom_search_space:
                raise UserError(f"{key}: {name} is not varied{near_names(str(name), space.dimensions)}")


def _holds(distribution: BaseDistribution, value: Any) -> bool:
    try:
        return contains(distribution, value)
    except (ValueError, TypeError):
        return False


def _refuse_same(firsts: Mapping[str, tuple[Config, str]], spaces: Mapping[str, Space]) -> None:
    """Refuse arms that come to one configuration and one space, however they are written."""
    seen: dict[str, str] = {}
    for arm, (_, fingerprint) in firsts.items():
        whole = json.dumps([fingerprint, spaces[arm].described()], sort_keys=True)
        if whole in seen:
            raise UserError(f"the arms {seen[whole]} and {arm} come to the same configuration: nothing is compared")
        seen[whole] = arm


def _refuse_other_metrics(firsts: Mapping[str, tuple[Config, str]], spaces: Mapping[str, Space]) -> None:
    """Refuse trials that would be judged by different metrics: their values cannot be ordered."""
    named = {arm: config.train.metric for arm, (config, _) in firsts.items()}
    if len(set(named.values())) > 1 or any("train.metric" in space.dimensions for space in spaces.values()):
        raise UserError(
            "train.metric decides which trial is best, so that all of a sweep must share it: set it once, outside "
            "hydra.sweeper.arms and the search space"
        )


def _refuse_other_rows(firsts: Mapping[str, tuple[Config, str]]) -> None:
    """Refuse arms that would be scored on other rows; they may train on more or fewer, and word labels otherwise."""
    (first, (reference, _)), *others = firsts.items()
    scored = _scored_rows(reference)
    for arm, (config, _) in others:
        differing = [name for name, value in _scored_rows(config).items() if scored[name] != value]
        if differing:
            raise UserError(
                f"the arms {first} and {arm} differ in {', '.join(f'data.{name}' for name in differing)}, so that they would "
                "be scored on other rows and could not be compared"
            )


def _scored_rows(config: Config) -> dict[str, Any]:
    """Return what decides on the rows that are scored, and on their gold labels."""
    data = asdict(config.data)
    data["labels"] = {key: data["labels"][key] for key in ("kind", "names", "map", "values", "separator")}
    data["subset"].pop("train")
    if data["split"]["seed"] is not None and not (config.data.subset.per_class and config.data.test_names):
        data.pop("seed")  # it draws the training sample alone
    for only_training in ("leakage", "duplicates", "near_duplicates"):
        data.pop(only_training)
    return data


def _refuse_fresh_seeds(
    settings: Settings, firsts: Mapping[str, tuple[Config, str]], spaces: Mapping[str, Space]
) -> None:
    """Refuse to tune on seeds that confirming runs take as fresh."""
    for arm, (config, _) in firsts.items():
        tuned = spaces[arm].plan.seeds or [config.seed + settings.tunings - 1]
        if max(tuned) >= FIRST_FRESH_SEED:
            raise UserError(
                f"seed={max(tuned)}: tuning takes seeds below {FIRST_FRESH_SEED}, from which on the confirming runs have theirs"
            )


def _check_metrics(settings: Settings, config: Config) -> None:
    kind = config.data.labels.kind
    if config.train.metric is not None and config.train.metric not in HIGHER_IS_BETTER:
        raise UserError(
            f"train.metric={config.train.metric!r} is no metric{near_names(config.train.metric, HIGHER_IS_BETTER)}"
        )
    for objective in settings.objective:
        name = (objective.split(".") + [""] * 3)[2]
        if objective.startswith("metrics.") and name not in HIGHER_IS_BETTER:
            raise UserError(
                f"hydra.sweeper.objective={objective}: {name!r} is no metric{near_names(name, HIGHER_IS_BETTER)}"
            )
    try:
        CompareConfig(margin=settings.margin, alpha=settings.alpha)
    except UserError as error:  # it names its own keys
        raise UserError(str(error).replace("compare.", "hydra.sweeper.")) from error
    for metric, margin in settings.margin.items():
        known = metrics_of_kind(kind)
        if metric not in known:
            raise UserError(
                f"hydra.sweeper.margin.{metric}: arms of {kind}-label data cannot be judged by it{near_names(metric, known)}"
            )
        refuse_wide_margin(metric, margin, f"hydra.sweeper.margin.{metric}")
