"""Hydra's internal API, each use gathered here with a test: what an upgrade of Hydra may break."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hydra._internal import utils as hydra_internals
from hydra._internal.utils import get_args_parser as get_args_parser


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
