"""Silence of libraries whose bars and notes would stand between a run's own lines."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator


def quiet_bitsandbytes() -> None:
    """Silence what it warns of as it is imported, by PEFT or for 4 bits: kernels that this processor could have had."""
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def quiet_hydra() -> None:
    """Silence what Hydra 1.4 and OmegaConf 2.4 announce for their next versions: pyproject.toml keeps to those before."""
    for announced in (
        r"register_new_resolver\(\) is deprecated",
        r"The version_base parameter is deprecated",
        r"hydra\.utils\.instantiate\(\) resolved _target_=",  # what it refuses to instantiate it still refuses
    ):
        warnings.filterwarnings("ignore", announced, UserWarning)


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence transformers' bars of model shards and notes on new head weights: the record says what was loaded."""
    from transformers.utils import logging as notes

    verbosity = notes.get_verbosity()
    notes.set_verbosity_error()
    notes.disable_progress_bar()
    try:
        yield
    finally:
        notes.set_verbosity(verbosity)
        notes.enable_progress_bar()
