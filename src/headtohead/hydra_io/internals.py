"""Hydra's internal API, each use gathered here with a test: what an upgrade of Hydra may break."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hydra._internal import utils as hydra_internals
from hydra._internal.utils import get_args_parser as get_args_parser
from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn, JobStatus


@contextmanager
def handed_over() -> Iterator[None]:
    """Have Hydra raise its errors instead of printing them and exiting.

    Hydra raises where ``HYDRA_FULL_ERROR`` is set, which every child process would inherit, or under a debugger: it is told
    that there is one. Nothing else in Hydra asks (1.3.2 to 1.4.0).
    """
    asked = hydra_internals.is_under_debugger
    hydra_internals.is_under_debugger = lambda: True
    try:
        yield
    finally:
        hydra_internals.is_under_debugger = asked


def ended_job(overrides: Sequence[str], error: BaseException | None) -> JobReturn:
    """Return how a job ended that Hydra did not run itself (``JobReturn``, whose field ``_return_value`` holds an error)."""
    status = JobStatus.FAILED if error else JobStatus.COMPLETED
    return JobReturn(overrides=list(overrides), status=status, _return_value=error)


def result_of(job: JobReturn) -> Any:
    """Return what a job returned, or the error that ended it; the public ``return_value`` prints and raises the latter."""
    return job._return_value


def share_config_store() -> None:
    """Have Hydra share its store of structured configurations instead of copying it (``ConfigStore.__deepcopy__``).

    Hydra copies the store for every group that --help lists: two thirds of its time. It copies each node again when it
    is loaded, so one store can serve all. A Hydra that copies none would not notice.
    """
    ConfigStore.__deepcopy__ = lambda self, memo: self  # type: ignore[attr-defined]
