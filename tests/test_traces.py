"""Hydra's variable for stack traces: set for Hydra, never for a person who has not set it, nor for a job."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from headtohead import traces
from headtohead.errors import UserError
from headtohead.launching.frozen_code import FrozenCode
from headtohead.launching.leases import Lease
from headtohead.launching.local import environment
from headtohead.launching.slurm_submit import parameters
from headtohead.schema import errors_for_people
from hydra_plugins.headtohead_launchers.config import SlurmLauncherConf


@pytest.mark.parametrize("before", [None, "0"])
def test_what_hydra_needs_is_no_wish_and_reaches_no_job(monkeypatch: pytest.MonkeyPatch, before: str | None) -> None:
    monkeypatch.delenv(traces.KEY, raising=False)
    if before is not None:
        monkeypatch.setenv(traces.KEY, before)
    with traces.handed_over():
        assert os.environ[traces.KEY] == "1"
        assert not traces.wanted()
        assert traces.KEY not in environment(Lease((0,), None))
        seen = subprocess.run(
            [sys.executable, "-c", f"import os; print(os.environ.get('{traces.KEY}'))"],
            env=traces.environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        assert seen.stdout == "None\n"
    assert os.environ.get(traces.KEY) == before


def test_a_wish_is_kept_and_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(traces.KEY, "1")
    with traces.handed_over():
        assert traces.wanted()
        assert environment(Lease((0,), None))[traces.KEY] == "1"
    assert traces.wanted()


@pytest.mark.parametrize("error", [UserError("no such file"), KeyboardInterrupt(), ValueError("ours")])
def test_the_variable_is_as_before_however_a_command_ends(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    monkeypatch.delenv(traces.KEY, raising=False)
    with pytest.raises((SystemExit, ValueError)), errors_for_people():
        raise error
    assert traces.KEY not in os.environ


def test_jobs_on_a_cluster_get_the_wish_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    code = FrozenCode(script=Path("run.py"), sources=Path("src"))
    settings = asdict(SlurmLauncherConf(setup=["module load cuda"]))
    monkeypatch.delenv(traces.KEY, raising=False)
    with traces.handed_over():
        assert parameters(settings, code)["slurm_setup"][:2] == [f"unset {traces.KEY}", "module load cuda"]
    monkeypatch.setenv(traces.KEY, "1")
    with traces.handed_over():
        assert parameters(settings, code)["slurm_setup"][0] == "module load cuda"
