"""A job as the command that runs it by itself."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

OF_THE_SWEEP = ("hydra.mode", "hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir")
"""Keys that a job replaces by its own."""
LOG = "job.log"


class KilledJob(RuntimeError):
    """A job that ended without saying why: killed, out of memory or time, or its machine lost."""


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
    parsed = OverridesParser.create().parse_overrides(given)
    values = {override.get_key_element(): override.value() for override in parsed}
    names = [values.get(key, config.hydra.sweep[key.rpartition(".")[2]]) for key in OF_THE_SWEEP[2:]]
    folder = Path(*(str(getattr(name, "text", name)) for name in names)).absolute()
    kept = [str(override.input_line) for override in parsed if override.get_key_element() not in OF_THE_SWEEP]
    quoted = str(folder).replace("\\", "\\\\").replace("'", "\\'")
    command = [sys.executable, str(Path(sys.argv[0]).absolute()), *kept, "hydra.mode=RUN", f"hydra.run.dir='{quoted}'"]
    return command, folder
