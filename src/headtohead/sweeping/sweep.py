"""A sweep from its command to its end: the composition root behind Hydra's plugin."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from hydra.core.plugins import Plugins
from hydra.types import HydraContext, TaskFunction
from hydra.utils import get_method
from omegaconf import DictConfig, OmegaConf
from optuna.trial import FrozenTrial

from headtohead.errors import UserError
from headtohead.schema import to_typed, without_hydra
from headtohead.sweeping.controller import Controller
from headtohead.sweeping.jobs import jobs_of
from headtohead.sweeping.lock import controller_lock
from headtohead.sweeping.settings import Settings, read_settings
from headtohead.sweeping.space import Space, parse_space
from headtohead.sweeping.storage import resolve_storage
from headtohead.sweeping.study import Suggest, SweepStudy
from headtohead.sweeping.summary import print_end, write_summary

log = logging.getLogger(__name__)

NOT_IN_TUNING = ("evaluate.test=false", "evaluate.baselines=false", "export.form=none")
"""Validation tunes; the test split is not read while it does."""


def sweep(
    plain: dict[str, Any],
    arguments: Sequence[str],
    hydra_context: HydraContext,
    task_function: TaskFunction,
    config: DictConfig,
) -> float | None:
    """Run a sweep, or go on with it.

    Args:
        plain: the sweeper's configuration.
        arguments: overrides of the command line, swept ones among them.

    Returns:
        The best value of a single objective.

    Raises:
        UserError: whatever the user can mend.
    """
    _quiet_optuna()
    settings = read_settings({key: _plain(value) for key, value in plain.items()})
    space = parse_space(settings.params, arguments)
    if not settings.is_grid:
        space = _tuning_only(space)
    name = settings.study_name or f"{config.name}-{_fingerprint(settings, space, without_hydra(config))}"
    folder = Path(str(config.hydra.sweep.dir)).absolute() / name
    with controller_lock(folder):
        storage = resolve_storage(settings.storage or "auto", folder)
        assert storage is not None
        _check_space(space, hydra_context, config)
        study = SweepStudy(
            settings,
            space,
            name=name,
            folder=folder,
            storage=storage,
            directions=settings.directions(_metric(config)),
            suggest=_custom(settings, config),
        )
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )
        try:
            Controller(study, jobs_of(launcher, settings.n_jobs), objectives=settings.objective, watch=_watch).run()
        finally:
            write_summary(study)
        print_end(study)
    return None


def _watch(study: SweepStudy, trial: FrozenTrial) -> None:
    write_summary(study)


def _metric(config: DictConfig) -> str:
    """Return the validation metric that decides."""
    return str(config.train.metric or ("mae" if config.data.labels.kind in ("ordinal", "real") else "macro_f1"))


def _tuning_only(space: Space) -> Space:
    """Leave out of tuning trials what only a final run needs, unless it was asked for: tests, baselines, exports."""
    given = {line.partition("=")[0] for line in space.fixed}
    added = [line for line in NOT_IN_TUNING if line.partition("=")[0] not in given]
    return replace(space, fixed=[*space.fixed, *added])


def _plain(value: Any) -> Any:
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _fingerprint(settings: Settings, space: Space, base: dict[str, Any]) -> str:
    """Return a hash of everything a sweep's trials depend on; budgets and storage may change while it goes on."""
    parts = {
        "space": space.described(),
        "fixed": sorted(space.fixed),
        "sampler": settings.sampler,
        "pruner": settings.pruner,
        "custom": settings.custom_search_space,
        "base": {key: value for key, value in base.items() if key not in ("track", "paths", "fresh")},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:8]


def _custom(settings: Settings, config: DictConfig) -> Suggest | None:
    if settings.custom_search_space is None:
        return None
    try:
        function = get_method(settings.custom_search_space)
    except Exception as error:
        raise UserError(
            f"hydra.sweeper.custom_search_space={settings.custom_search_space} cannot be imported: {error}"
        ) from error
    return partial(function, config)


def _check_space(space: Space, hydra_context: HydraContext, config: DictConfig) -> None:
    """Compose a job with every listed value, so that a mistyped key or choice is found before any training.

    Types and ranges are checked of the first point alone: some combinations may be refused, and are failed trials then.
    """
    values = {name: dimension.some_values() for name, dimension in space.dimensions.items()}
    first = {name: listed[0] for name, listed in values.items()}
    to_typed(_composed(space, first, hydra_context, config))
    for name, listed in values.items():
        for value in listed[1:]:
            _composed(space, {**first, name: value}, hydra_context, config)


def _composed(space: Space, params: dict[str, Any], hydra_context: HydraContext, config: DictConfig) -> DictConfig:
    return hydra_context.config_loader.load_sweep_config(config, space.overrides(params))


def _quiet_optuna() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    optuna.logging.enable_propagation()
    optuna.logging.disable_default_handler()
