"""A refused command leaves no folder: what Hydra made for it before it was read is taken away again."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from headtohead.errors import DiskFull, UserError
from headtohead.hydra_io.internals import result_of

OF_A_REFUSED_RUN = ("result.json", "report.html", "metrics.jsonl", "run.log", ".lock", "wandb", ".hydra")
"""What a run may leave before anything is trained; a folder with more holds something worth having."""


class LeavesNothing(Callback):
    """Notes which folders a command makes, and removes them if it is refused before it came to anything."""

    def __init__(self) -> None:
        self._made: Path | None = None

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Note the uppermost folder that is not there yet."""
        with suppress(OmegaConfBaseException):  # a folder that cannot be named: Hydra will say it
            self._made = _uppermost_missing(Path(str(config.hydra.run.dir)).absolute())

    def on_run_end(self, config: DictConfig, **given: Any) -> None:
        """Remove it after a refusal."""
        job_return: JobReturn = given["job_return"]
        error = result_of(job_return)
        is_refused = job_return.status == JobStatus.FAILED and isinstance(error, UserError)
        folder = Path(str(config.hydra.run.dir)).absolute()
        if is_refused and not isinstance(error, DiskFull) and self._made and _came_to_nothing(folder):
            shutil.rmtree(self._made, ignore_errors=True)


def _uppermost_missing(folder: Path) -> Path | None:
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    return missing[-1] if missing else None


def _came_to_nothing(folder: Path) -> bool:
    """Whether a folder holds what every command leaves, and no step of a training."""
    metrics = folder / "metrics.jsonl"
    names = {path.name for path in folder.iterdir()}
    return names <= set(OF_A_REFUSED_RUN) and not (metrics.exists() and metrics.stat().st_size)
