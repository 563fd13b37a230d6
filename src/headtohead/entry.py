"""The one entry point: ``headtohead`` or ``python run.py`` for a run, ``-m`` for a sweep, ``--help`` for the groups."""

import atexit
import gc
import sys
from importlib import metadata

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from headtohead.hydra_io.command_line import understood
from headtohead.hydra_io.schema import (
    errors_for_people,
    fingerprint_of,
    given_overrides,
    note_refusal,
    output_folder,
    to_typed,
)
from headtohead.provenance import CONF
from headtohead.sweeps.study.trial_link import ReportingLink, membership_of, trial_of


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def main(cfg: DictConfig) -> float | None:
    """Do the configured task; a training run returns its validation objective, for sweepers."""
    try:
        config = to_typed(cfg)
        from headtohead.tasks import perform, say_next  # after composition, so that --cfg and --help stay quick

        own = HydraConfig.get()
        trial = trial_of(own)
        membership = membership_of(own)
        value = perform(
            config,
            output_folder(),
            given_overrides(),
            fingerprint=fingerprint_of(cfg),
            sweep=ReportingLink(trial) if trial else None,
            membership=membership,
        )
        if config.task.name == "train" and own.mode == RunMode.RUN and membership is None:
            say_next(output_folder())
        return value
    except Exception as error:
        note_refusal(cfg, output_folder(), error)
        raise


def start() -> None:
    """Do what the command line asks for; a mistake in it is one message and exit status 1."""
    atexit.register(gc.freeze)  # else all that was imported is searched for cycles as the process ends: over a second
    if "--version" in sys.argv[1:]:
        print(f"headtohead {metadata.version('headtohead')} (Hydra {hydra.__version__})")
        return
    with errors_for_people():
        sys.argv[1:] = understood(sys.argv[1:], CONF)
        main()
