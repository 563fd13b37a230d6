"""Silence of libraries whose bars and notes would stand between a run's own lines."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator


def quiet_bitsandbytes() -> None:
    """Silence what it warns of as it is imported, by PEFT or for 4 bits: kernels that this processor could have had."""
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


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
