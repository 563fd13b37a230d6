"""A sweep from its command to its end: the composition root behind Hydra's plugin."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from hydra.core.config_loader import ConfigLoader
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, OmegaConf

from headtohead.config import DataConfig
from headtohead.data import Corpus
from headtohead.errors import UserError
from headtohead.hydra_io.composition import Composer
from headtohead.hydra_io.schema import without_hydra
from headtohead.notices import Notice
from headtohead.planning.preflight import Preflight
from headtohead.reporting.shared_script import put_script
from headtohead.reporting.sweeps import write_sweep_report
from headtohead.runs.next_steps import print_next
from headtohead.sweeps.arms.arm_comparison import compare_arms
from headtohead.sweeps.arms.arm_lists import ArmSettings
from headtohead.sweeps.arms.confirmation import FINAL
from headtohead.sweeps.arms.fold_budget import cost_of_folds, is_by_folds, is_tuned
from headtohead.sweeps.arms.fresh_samples import costs_of_samples, draws_samples, refuse_samples_of_most
from headtohead.sweeps.job_notices import Told
from headtohead.sweeps.space.repetitions import with_plan
from headtohead.sweeps.space.search_space import NOT_OF_RESULTS, Space, parse_space, sets
from headtohead.sweeps.space.seed_lists import refuse_races_without_end
from headtohead.sweeps.space.space_checks import check_sweep, refusal, refuse_contested, refuse_late_pruner
from headtohead.sweeps.study.controller_lock import controller_lock
from headtohead.sweeps.study.rungs import refuse_order_dependent
from headtohead.sweeps.study.storage import refuse_written_password, resolve_storage
from headtohead.sweeps.sweep_errors import cut_short
from headtohead.sweeps.sweep_jobs import jobs_of, runs_here, says_of_n_jobs
from headtohead.sweeps.sweeper_settings import Settings, read_settings
from headtohead.sweeps.time_left import Pace, finished_runs, planned_runs, seconds_of_a_run
from headtohead.sweeps.tuning_loop import Sweep

log = logging.getLogger(__name__)

LENGTHS = ("train.epochs", "train.steps", "train.batch_size", "train.batch_tokens")
"""Keys that decide on the steps of a run, beside its data."""
NOT_IN_TUNING = ("evaluate.test=false", "evaluate.baselines=false", "export.form=none")
"""Validation tunes; the test split is not read while it does."""
NOT_OF_FOLDS = ("export.form=none",)
"""A fold is no model that anybody would use."""

Rows = Mapping[str, tuple[DataConfig, Corpus]]
"""By arm the data of its first configuration, and their rows."""


def sweep(
    plain: dict[str, Any],
    arguments: Sequence[str],
    launcher: Launcher,
    loader: ConfigLoader,
    config: DictConfig,
) -> None:
    """Run a sweep, or go on with it.

    Args:
        plain: the sweeper's configuration.
        arguments: overrides of the command line, swept ones among them.
        launcher: runs its jobs.
        loader: composes their configurations.

    Raises:
        UserError: whatever the user can mend.
    """
    _quiet_optuna()
    written = OmegaConf.to_container(config.hydra.sweeper, resolve=False)
    assert isinstance(written, dict)
    refuse_written_password(str(written.get("storage")))
    settings = read_settings({key: _plain(value) for key, value in plain.items()})
    refuse_contested(settings.arms, settings.params, arguments)
    refuse_order_dependent(settings.pruner, int(config.hydra.launcher.get("trials_at_once", 1)))
    parsed = _parsed(settings, [line for line in arguments if not sets(line, ("fresh",))])
    settings = _with_sampler(settings, parsed)
    spaces = _spaces(settings, _planned(settings, parsed, config))
    name = settings.study_name or _own_name(settings, spaces, config)
    folder = Path(str(config.hydra.sweep.dir)).absolute() / name
    if config.fresh and folder.exists():
        raise UserError(
            f"fresh=true would clear every run that {folder} goes on with: remove that folder to start the sweep anew, or "
            "name another with hydra.sweeper.study_name"
        )
    storage = resolve_storage(settings.storage or "auto", folder)
    compose, preflight = Composer(partial(loader.load_sweep_config, config)), Preflight()
    todo = planned_runs(settings, spaces) - finished_runs(folder)
    if todo > 0:
        print(f"{name}: checking settings, data and models", flush=True)
        rows = _checked(settings, spaces, compose, preflight)
    else:  # what stands is shown, whatever has become of its data since
        check_sweep(settings, spaces, compose, lambda config: None)
        rows = {}
    jobs = jobs_of(launcher, settings.n_jobs)
    with controller_lock(folder), cut_short(folder, storage):
        pace = Pace(todo, jobs.slots)
        own = Sweep(
            settings=settings,
            config=config,
            name=name,
            folder=folder,
            storage=storage,
            jobs=jobs,
            told=Told(folder, pace),
            refused=partial(refusal, compose=compose, check=preflight.check),
            data={arm: corpus.fingerprint for arm, (_, corpus) in rows.items()},
        )
        put_script(folder)
        _say_what_comes(own, pace, preflight.seconds if runs_here(launcher) else lambda: None)
        for notice in _notices(own, spaces, launcher, rows):
            print(notice, flush=True)
        try:
            if settings.arms:
                compare_arms(own, spaces)
            else:
                own.tune(own.study(name, folder, spaces[""]))
            if settings.arms or not is_by_folds(spaces):  # their end has said it
                print_next(folder)
        except BaseException:
            own.jobs.interrupt()
            raise
        finally:
            _write_page(folder)


def _checked(settings: Settings, spaces: Mapping[str, Space], compose: Composer, preflight: Preflight) -> Rows:
    """Refuse what no run can come of; return the data of every arm's first configuration."""
    firsts = check_sweep(settings, spaces, compose, preflight.check)
    for arm, first in firsts.items():
        varies_steps = any(name in LENGTHS or sets(name, ("data",)) for name in spaces[arm].dimensions)
        if settings.pruner is not None and not spaces[arm].plan.places and not varies_steps:
            refuse_late_pruner(settings.pruner, preflight.steps(first))
    rows = {arm: (first.data, preflight.corpus(first)) for arm, first in firsts.items()}
    if draws_samples(settings):
        for arm, (data, corpus) in rows.items():
            refuse_samples_of_most(arm, data, corpus)
    return rows


def _say_what_comes(sweep: Sweep, pace: Pace, estimate: Callable[[], float | None]) -> None:
    """Print how much there is to do, and how long it takes by what earlier runs took, else by an estimate."""
    config = sweep.config
    before = seconds_of_a_run(
        sweep.folder, Path(str(config.paths.outputs)), model=config.model.name, data=config.data.name
    )
    print(f"{sweep.name}: {pace.at_start(before, estimate)}", flush=True)


def _notices(sweep: Sweep, spaces: Mapping[str, Space], launcher: Launcher, rows: Rows) -> Iterator[Notice]:
    """Yield what costs more than usual, and what a person may have meant otherwise."""
    if rows and draws_samples(sweep.settings):
        yield from costs_of_samples(sweep.settings.confirm, rows)
    for contrary in sweep.settings.against_the_grain(sweep.metric):
        yield Notice(
            text=f"{contrary}, so that the worst is looked for: leave hydra.sweeper.direction out for the best"
        )
    if sweep.settings.arms and is_by_folds(spaces):
        yield cost_of_folds(sweep.settings, spaces)
    if about_jobs := says_of_n_jobs(launcher, sweep.settings.n_jobs):
        yield about_jobs


def _write_page(folder: Path) -> None:
    try:
        print(f"page: {write_sweep_report(folder)} (self-contained; its runs' pages draw with a script in this folder)")
    except UserError as error:  # it ended before there was anything to show, and says why itself
        log.debug("no page: %s", error)
    except OSError as error:  # a full disk must not hide how the sweep ended
        log.warning("the sweep's page could not be written: %s", error)


def _parsed(settings: Settings, arguments: list[str]) -> dict[str, Space]:
    """Return the search space of every arm, or of the one study (named ""), as it was written."""
    arms = settings.arms or [ArmSettings(name="", overrides=[], params={})]
    return {arm.name: parse_space({**settings.params, **arm.params}, [*arguments, *arm.overrides]) for arm in arms}


def _planned(settings: Settings, spaces: dict[str, Space], config: DictConfig) -> dict[str, Space]:
    """Return the spaces without what is repeated, which each trial runs all of."""
    planned = {
        name: with_plan(space, settings.seeds, config, drawn=not settings.is_grid) for name, space in spaces.items()
    }
    for space in planned.values():
        refuse_races_without_end(len(space.plan.places), settings.pruner)
    return planned


def _spaces(settings: Settings, spaces: dict[str, Space]) -> dict[str, Space]:
    """Return what trials run: equal grids, and no more of a run than tuning needs."""
    if settings.is_grid and not settings.arms:
        return {name: _adding(space, NOT_OF_FOLDS) if space.plan.folds else space for name, space in spaces.items()}
    if settings.is_grid and len({len(space.grid()) for space in spaces.values()}) > 1:
        sizes = ", ".join(f"{name}: {len(space.grid())}" for name, space in spaces.items())
        raise UserError(f"every arm gets the same number of trials, and these grids differ ({sizes})")
    return {
        name: _adding(space, FINAL if _goes_straight(settings, space) else NOT_IN_TUNING)
        for name, space in spaces.items()
    }


def _goes_straight(settings: Settings, space: Space) -> bool:
    """Whether an arm's trials are its folds already, which the verdict is about."""
    return bool(settings.arms and space.plan.folds) and not is_tuned(settings, space)


def _with_sampler(settings: Settings, spaces: dict[str, Space]) -> Settings:
    """Settle what is run where no sampler was named: every combination of listed values, else what TPE draws."""
    if settings.sampler is not None or not settings.is_grid:
        return settings
    if all(dimension.values is not None for space in spaces.values() for dimension in space.dimensions.values()):
        return settings
    return replace(settings, sampler={"_target_": "optuna.samplers.TPESampler"})


def _adding(space: Space, lines: Sequence[str]) -> Space:
    """Leave out of trials what only a final run needs, unless it was asked for: tests, baselines, exports."""
    given = {line.partition("=")[0] for line in space.fixed}
    added = [line for line in lines if line.partition("=")[0] not in given]
    return replace(space, fixed=[*space.fixed, *added], only_tuning=tuple(added))


def _plain(value: Any) -> Any:
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _own_name(settings: Settings, spaces: dict[str, Space], config: DictConfig) -> str:
    """Return what a sweep is called that was given no name: another for other data, settings or questions."""
    about = [config.name] if str(config.data.name) in str(config.name) else [config.name, config.data.name]
    named = re.sub(r"[^\w.-]+", "_", "-".join(map(str, about)))
    return f"{named}-{_fingerprint(settings, spaces, without_hydra(config))}"


def _fingerprint(settings: Settings, spaces: dict[str, Space], base: dict[str, Any]) -> str:
    """Return a hash of everything a sweep's trials depend on; budgets and storage may change while it goes on."""
    parts = {
        "spaces": {
            name: [space.described(), space.fixed_for_results, space.plan.described()] for name, space in spaces.items()
        },
        "sampler": settings.sampler,
        "pruner": settings.pruner,
        "custom": settings.custom_search_space,
        "objective": [settings.objective, settings.direction],
        "constraints": [asdict(limit) for limit in settings.constraints],
        "base": {key: value for key, value in base.items() if key not in NOT_OF_RESULTS},
        "arms": [asdict(arm) for arm in settings.arms],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:8]


def _quiet_optuna() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    optuna.logging.enable_propagation()
    optuna.logging.disable_default_handler()
