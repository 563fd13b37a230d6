"""Stack traces for people who want them: ``HYDRA_FULL_ERROR=1``, their wish, which Hydra must find set in any case."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

KEY = "HYDRA_FULL_ERROR"
_is_ours = False
"""Whether the variable in this process's environment is ours instead of a person's wish."""


def wanted() -> bool:
    """Whether the person who started this process wants to see stack traces."""
    return os.environ.get(KEY) == "1" and not _is_ours


@contextmanager
def handed_over() -> Iterator[None]:
    """Have Hydra hand its errors over instead of printing them, which it does where the variable is set."""
    global _is_ours
    if wanted():
        yield
        return
    before, _is_ours = os.environ.get(KEY), True
    os.environ[KEY] = "1"
    try:
        yield
    finally:
        _is_ours = False
        os.environ.pop(KEY, None)
        if before is not None:
            os.environ[KEY] = before


def environment() -> dict[str, str]:
    """Return the environment for a process of our own: a child would take our setting for a person's wish."""
    return {key: value for key, value in os.environ.items() if key != KEY or not _is_ours}
