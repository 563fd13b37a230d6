"""A job as the command that runs it by itself."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.types import Quote, QuotedString
from omegaconf import DictConfig, OmegaConf

from headtohead.errors import TO_BE_CONTINUED, UserError
from headtohead.hydra_io.composition import parsed
from headtohead.launching.lost_jobs import Company

OF_THE_SWEEP = ("hydra.mode", "hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir")
"""Keys that a job replaces by its own."""
LOG = "job.log"
WORKER = "headtohead.fused.worker"
"""Module that trains several jobs together."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class KilledJob(RuntimeError):
    """A job that ended without saying why: killed, out of memory or time, or its machine lost.

    Args:
        why: for people.
        company: in which it was.
    """

    def __init__(self, why: str, company: Company = "alone") -> None:
        super().__init__(why)
        self.company: Company = company


class LauncherFailed(UserError):
    """The launcher itself cannot go on; no job is to blame, and the same command continues."""


def job_error(code: int, why: str, log: Path) -> RuntimeError | None:
    """Return what an exit status means, None for success.

    Args:
        why: the reason, where it is known that the job was killed.
        log: what the job printed; the last line is the reason of one that failed by itself.
    """
    if code == 0:
        return None
    if why:
        return KilledJob(f"{why}; see {log}")
    if code == TO_BE_CONTINUED:
        return KilledJob(f"asked to stop; see {log}")
    if code < 0:
        return KilledJob(f"killed by {signal.Signals(-code).name}; see {log}")
    return RuntimeError(f"{last_line(log) or f'exit status {code}'}; see {log}")


def last_line(log: Path) -> str:
    """Return the last line with anything on it, or nothing."""
    if not log.exists():
        return ""
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def job_command(config: DictConfig, overrides: Sequence[str]) -> tuple[list[str], Path]:
    """Return a job's command line and the folder it will write to.

    The sweep's own Hydra overrides (``hydra/sweeper/pruner=median``) are passed on, since the job composes anew.

    Args:
        config: of the sweep.
        overrides: of the job, its folder among them as ``hydra.sweep.dir`` and ``hydra.sweep.subdir``.
    """
    written = OmegaConf.to_container(config.hydra.overrides.hydra, resolve=False)  # ${oc.env:PASSWORD} stays as it is
    assert isinstance(written, list)
    given = [*map(str, written), *overrides]
    read = [parsed(text) for text in given]
    values = {override.get_key_element(): override.value() for override in read}
    names = [values.get(key, config.hydra.sweep[key.rpartition(".")[2]]) for key in OF_THE_SWEEP[2:]]
    folder = Path(*(str(getattr(name, "text", name)) for name in names)).absolute()
    kept = [str(override.input_line) for override in read if override.get_key_element() not in OF_THE_SWEEP]
    return [sys.executable, str(this_script()), *kept, "hydra.mode=RUN", f"hydra.run.dir={quoted(folder)}"], folder


def sweep_folder(config: DictConfig, job: Path) -> Path:
    """Return the folder of a job's sweep: of our sweeper the first one below ``hydra.sweep.dir``."""
    outputs = Path(str(config.hydra.sweep.dir)).absolute()
    parts = job.relative_to(outputs).parts if job.is_relative_to(outputs) else ()
    return outputs / parts[0] if len(parts) > 1 else job.parent


def quoted(path: object) -> str:
    """Return a path as text in Hydra's override grammar, whatever its characters."""
    return QuotedString(text=str(path), quote=Quote.single).with_quotes()


def this_script() -> Path:
    """Return the script that this process runs."""
    return Path(sys.argv[0]).absolute()
