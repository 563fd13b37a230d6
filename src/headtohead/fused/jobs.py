"""Jobs as a worker takes them in: composed as ``python run.py`` would, each with its folder, dump and log."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from headtohead.config import Config
from headtohead.hydra_io.composition import Composer
from headtohead.hydra_io.schema import fingerprint_of
from headtohead.launching.command import LOG
from headtohead.runs.lifecycle import training
from headtohead.runs.packs.pack_scheduler import Training
from headtohead.runs.packs.resource_cache import Shelf
from headtohead.sweeps.study.trial_link import ReportingLink, membership_of, trial_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job with its configuration."""

    folder: Path
    own: DictConfig
    """What the run is configured by."""
    hydra: DictConfig
    config: Config
    command: Sequence[str]

    def training(self, shelf: Shelf) -> Training:
        """Return the run, ready to start."""
        trial = trial_of(self.hydra)
        return training(
            self.config,
            self.folder,
            fingerprint_of(self.own),
            shelf,
            ReportingLink(trial) if trial else None,
            membership_of(self.hydra),
            self.command,
        )


def composer(conf: Path) -> Composer:
    """Return what composes jobs of ``python run.py`` from the files in a folder."""

    def with_hydra(overrides: list[str]) -> DictConfig:
        with initialize_config_dir(str(conf), version_base="1.3", job_name="run"):
            return compose("config", overrides=overrides, return_hydra_config=True)

    return Composer(with_hydra)


def dumped(whole: DictConfig, folder: Path) -> tuple[DictConfig, DictConfig]:
    """Leave Hydra's dump of a job's configuration in its folder, as Hydra does for every job.

    Returns:
        What the run is configured by, and Hydra's own node.
    """
    with open_dict(whole):
        whole.hydra.runtime.output_dir = str(folder)
    HydraConfig.instance().set_config(whole)
    own = OmegaConf.masked_copy(whole, [str(key) for key in whole if key != "hydra"])
    hydra = OmegaConf.masked_copy(whole, ["hydra"])
    dump = folder / str(whole.hydra.output_subdir)
    dump.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(own, dump / "config.yaml")
    OmegaConf.save(hydra, dump / "hydra.yaml")
    OmegaConf.save(whole.hydra.overrides.task, dump / "overrides.yaml")
    return own, whole.hydra


@contextmanager
def own_log(folder: Path) -> Iterator[None]:
    """Send what is printed and logged to the job's own log."""
    with (folder / LOG).open("a", encoding="utf-8") as stream:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(logging.Formatter("[%(asctime)s][%(name)s][%(levelname)s] - %(message)s"))
        root = logging.getLogger()
        root.addHandler(handler)
        try:
            with redirect_stdout(stream), redirect_stderr(stream):
                yield
        finally:
            root.removeHandler(handler)
