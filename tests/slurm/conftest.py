"""A real SLURM for the session: started by up.sh, ended by down.sh, never one that the user has set."""

from __future__ import annotations

import getpass
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from real_slurm import ask

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def cluster() -> Iterator[Path]:
    """``slurm.conf`` of the cluster. Its folder is short: Unix sockets have short names."""
    folder = Path(f"/tmp/slurm-test-{os.getpid()}")
    started = subprocess.run(["bash", HERE / "up.sh", folder], capture_output=True, text=True, timeout=300, check=False)
    why = (started.stderr.strip().splitlines() or ["?"])[-1]
    if started.returncode == 3 and not os.environ.get("REQUIRE_SLURM"):
        pytest.skip(f"no SLURM here: {why}")
    if started.returncode != 0:
        pytest.fail(f"SLURM did not start: {started.stderr}", pytrace=False)
    yield folder / "etc" / "slurm.conf"
    subprocess.run(["bash", HERE / "down.sh", folder], check=True, timeout=120)


@pytest.fixture(scope="module")
def slurm(cluster: Path) -> Iterator[Path]:
    """The cluster as this process's and its children's; what is left in the queue is cancelled."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("SLURM_", "SBATCH_", "SRUN_", "SQUEUE_"))]:
            patch.delenv(name)
        patch.setenv("SLURM_CONF", str(cluster))
        yield cluster
        ask("scancel", f"--user={getpass.getuser()}")
