"""Jobs of Hydra's own sweeper, which hands over all at once and waits for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future

from hydra.core.config_loader import ConfigLoader
from hydra.core.utils import JobReturn
from omegaconf import DictConfig, open_dict

from headtohead.hydra_io.internals import ended_job
from headtohead.launching.command import quoted


def run_jobs(
    submit: Callable[[Sequence[str], int], Future[None]],
    loader: ConfigLoader,
    config: DictConfig,
    overrides: Sequence[Sequence[str]],
    first: int,
) -> list[JobReturn]:
    """Run every job in its own folder; a failed one fails alone.

    Args:
        submit: of the launcher: a job's overrides and number.
        config: of the sweep.
        first: number of the first job.
    """
    placed = _in_own_folders(loader, config, overrides, first)
    futures = [submit(own, number) for number, own in enumerate(placed, start=first)]
    returns = []
    for future, given in zip(futures, overrides, strict=True):
        returns.append(ended_job(given, future.exception()))
    return returns


def _in_own_folders(
    loader: ConfigLoader, config: DictConfig, overrides: Sequence[Sequence[str]], first: int
) -> list[list[str]]:
    """Add to each job the folder that Hydra would give it, which may follow from what the job itself sets."""
    placed = []
    for number, own in enumerate(overrides, start=first):
        composed = loader.load_sweep_config(config, list(own))
        with open_dict(composed):
            composed.hydra.job.id, composed.hydra.job.num = f"{composed.hydra.job.name}_{number}", number
        sweep = composed.hydra.sweep
        placed.append([*own, f"hydra.sweep.dir={quoted(sweep.dir)}", f"hydra.sweep.subdir={quoted(sweep.subdir)}"])
    return placed
