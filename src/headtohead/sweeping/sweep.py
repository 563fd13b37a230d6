"""A sweep from its command to its end: the composition root behind Hydra's plugin."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from hydra.core.plugins import Plugins
from hydra.types import HydraContext, TaskFunction
from hydra.utils import get_method
from omegaconf import DictConfig, OmegaConf
from optuna.trial import FrozenTrial

from headtohead.config import CompareConfig
from headtohead.errors import UserError
from headtohead.evaluation.metrics import default_metric
from headtohead.schema import to_typed, without_hydra
from headtohead.sweeping.arms import ArmSettings
from headtohead.sweeping.confirm import confirmation_jobs, run_all, winners
from headtohead.sweeping.controller import Controller
from headtohead.sweeping.jobs import Jobs, jobs_of
from headtohead.sweeping.lock import controller_lock
from headtohead.sweeping.settings import Settings, read_settings
from headtohead.sweeping.space import Space, parse_space
from headtohead.sweeping.storage import resolve_storage
from headtohead.sweeping.study import Suggest, SweepStudy
from headtohead.sweeping.summary import print_end, write_summary
from headtohead.tasks.compare import compare_runs

log = logging.getLogger(__name__)

NOT_IN_TUNING = ("evaluate.test=false", "evaluate.baselines=false", "export.form=none")
"""Validation tunes; the test split is not read while it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """One command's sweep."""

    settings: Settings
    config: DictConfig
    name: str
    folder: Path
    storage: str
    jobs: Jobs

    def study(self, name: str, folder: Path, space: Space) -> SweepStudy:
        """Open a study of the sweep."""
        return SweepStudy(
            self.settings,
            space,
            name=name,
            folder=folder,
            storage=self.storage,
            directions=self.settings.directions(_metric(self.config)),
            suggest=_custom(self.settings, self.config),
        )

    def tune(self, study: SweepStudy) -> None:
        """Run a study to its end."""
        try:
            Controller(study, self.jobs, objectives=self.settings.objective, watch=_watch).run()
        finally:
            write_summary(study)
        print_end(study)


def sweep(
    plain: dict[str, Any],
    arguments: Sequence[str],
    hydra_context: HydraContext,
    task_function: TaskFunction,
    config: DictConfig,
) -> None:
    """Run a sweep, or go on with it.

    Args:
        plain: the sweeper's configuration.
        arguments: overrides of the command line, swept ones among them.

    Raises:
        UserError: whatever the user can mend.
    """
    _quiet_optuna()
    settings = read_settings({key: _plain(value) for key, value in plain.items()})
    spaces = _spaces(settings, list(arguments))
    name = settings.study_name or f"{config.name}-{_fingerprint(settings, spaces, without_hydra(config))}"
    folder = Path(str(config.hydra.sweep.dir)).absolute() / name
    for space in spaces.values():
        _check_space(space, hydra_context, config)
    with controller_lock(folder):
        storage = resolve_storage(settings.storage or "auto", folder)
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )
        own = Sweep(
            settings=settings,
            config=config,
            name=name,
            folder=folder,
            storage=storage,
            jobs=jobs_of(launcher, settings.n_jobs),
        )
        if settings.arms:
            _compare(own, spaces)
        else:
            own.tune(own.study(name, folder, spaces[""]))


def _compare(sweep: Sweep, spaces: dict[str, Space]) -> None:
    """Tune every arm with the same budget, confirm their best on fresh seeds, and judge them."""
    studies = {arm: sweep.study(f"{sweep.name}/{arm}", sweep.folder / arm, space) for arm, space in spaces.items()}
    for study in studies.values():
        sweep.tune(study)
    confirmed: dict[str, list[Path]] = {}
    for arm, study in studies.items():
        for place, trial in enumerate(winners(study, sweep.settings.confirm.top_k)):
            todo = confirmation_jobs(study, trial, sweep.settings.confirm.seeds)
            run_all(todo, sweep.jobs, sweep.settings.max_retries)
            confirmed[arm if place == 0 else f"{arm} ({place + 1})"] = [job.folder for job in todo]
    judged = CompareConfig(
        arms={arm: [str(folder) for folder in folders] for arm, folders in confirmed.items()},
        metric=_metric(sweep.config),
        margin=sweep.settings.margin,
        alpha=sweep.settings.alpha,
    )
    compare_runs(judged, sweep.folder)


def _spaces(settings: Settings, arguments: list[str]) -> dict[str, Space]:
    """Return the search space of every arm, or of the one study (named "")."""
    arms = settings.arms or [ArmSettings(name="", overrides=[], params={})]
    spaces = {arm.name: parse_space({**settings.params, **arm.params}, [*arguments, *arm.overrides]) for arm in arms}
    if settings.is_grid and not settings.arms:
        return spaces
    if settings.is_grid and len({len(space.grid()) for space in spaces.values()}) > 1:
        sizes = ", ".join(f"{name}: {len(space.grid())}" for name, space in spaces.items())
        raise UserError(f"every arm gets the same number of trials, and these grids differ ({sizes})")
    return {name: _tuning_only(space) for name, space in spaces.items()}


def _tuning_only(space: Space) -> Space:
    """Leave out of tuning trials what only a final run needs, unless it was asked for: tests, baselines, exports."""
    given = {line.partition("=")[0] for line in space.fixed}
    added = [line for line in NOT_IN_TUNING if line.partition("=")[0] not in given]
    return replace(space, fixed=[*space.fixed, *added])


def _watch(study: SweepStudy, trial: FrozenTrial) -> None:
    write_summary(study)


def _metric(config: DictConfig) -> str:
    """Return the validation metric that decides."""
    return str(config.train.metric or default_metric(config.data.labels.kind))


def _plain(value: Any) -> Any:
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _fingerprint(settings: Settings, spaces: dict[str, Space], base: dict[str, Any]) -> str:
    """Return a hash of everything a sweep's trials depend on; budgets and storage may change while it goes on."""
    parts = {
        "spaces": {name: [space.described(), sorted(space.fixed)] for name, space in spaces.items()},
        "sampler": settings.sampler,
        "pruner": settings.pruner,
        "custom": settings.custom_search_space,
        "base": {key: value for key, value in base.items() if key not in ("track", "paths", "fresh")},
        "arms": [asdict(arm) for arm in settings.arms],
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
