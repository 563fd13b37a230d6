"""Stack traces for people who want them: ``HYDRA_FULL_ERROR=1``, a person's wish, which this project reads and never sets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from hydra._internal import utils as hydra_internals

KEY = "HYDRA_FULL_ERROR"


def wanted() -> bool:
    """Whether the person who started this process wants to see stack traces."""
    return os.environ.get(KEY) == "1"


@contextmanager
def handed_over() -> Iterator[None]:
    """Have Hydra raise its errors instead of printing them and exiting.

    Hydra raises where the variable is set, which every child process would inherit, or under a debugger: it is told that
    there is one. Nothing else in Hydra asks (1.3.2 to 1.4.0).
    """
    asked = hydra_internals.is_under_debugger
    hydra_internals.is_under_debugger = lambda: True
    try:
        yield
    finally:
        hydra_internals.is_under_debugger = asked
