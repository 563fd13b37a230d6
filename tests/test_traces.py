"""HYDRA_FULL_ERROR is a person's wish: as typed in this process and in every job, and set by nobody else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest
from hydra._internal.utils import run_and_report

from command_line import ROOT
from headtohead import traces
from headtohead.errors import UserError
from headtohead.hydra_io.internals import handed_over
from headtohead.hydra_io.schema import errors_for_people
from headtohead.launching.frozen_code import FrozenCode
from headtohead.launching.fused import Worker
from headtohead.launching.local import LocalProcesses
from headtohead.launching.slurm_submit import parameters
from hydra_plugins.headtohead_launchers.config import LocalLauncherConf, SlurmLauncherConf

SHOWN = f"import os; print(os.environ.get('{traces.KEY}'))"
WISHES = [None, "0", "1"]


@pytest.fixture(params=WISHES, ids=["not set", "0", "1"])
def wish(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str | None:
    monkeypatch.delenv(traces.KEY, raising=False)
    if request.param is not None:
        monkeypatch.setenv(traces.KEY, request.param)
    return request.param  # type: ignore[no-any-return]


def seen_by_a_plain_child(folder: Path) -> str:
    return subprocess.run([sys.executable, "-c", SHOWN], capture_output=True, text=True, check=True).stdout.strip()


def seen_by_a_local_job(folder: Path) -> str:
    settings = {key: value for key, value in asdict(LocalLauncherConf()).items() if key != "_target_"}
    LocalProcesses(**settings)._run([sys.executable, "-c", SHOWN], folder)
    return (folder / "job.log").read_text().strip()


def seen_by_the_fused_worker(folder: Path) -> str:
    worker = Worker(1)
    try:
        return str(psutil.Process(worker._process.pid).environ().get(traces.KEY))
    finally:
        worker.interrupt()


def seen_by_a_batch_script(folder: Path) -> str:
    """SLURM hands on the whole environment, as a shell's child gets it."""
    return _from_script({**os.environ})


def seen_by_a_batch_script_of_a_cluster_that_hands_on_nothing(folder: Path) -> str:
    return _from_script({"PATH": os.environ["PATH"]})


def _from_script(environment: dict[str, str]) -> str:
    code = FrozenCode(script=Path("run.py"), sources=Path("src"))
    script = "\n".join([*parameters(asdict(SlurmLauncherConf()), code)["slurm_setup"], f"printenv {traces.KEY}"])
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "None"


@pytest.mark.parametrize(
    "seen",
    [seen_by_a_plain_child, seen_by_a_local_job, seen_by_the_fused_worker, seen_by_a_batch_script],
)
def test_a_job_has_the_variable_as_it_was_typed(wish: str | None, seen: Callable[[Path], str], tmp_path: Path) -> None:
    with errors_for_people():
        assert traces.wanted() == (wish == "1")
        assert seen(tmp_path) == str(wish)


def test_a_cluster_that_hands_on_no_environment_hands_on_the_wish(wish: str | None, tmp_path: Path) -> None:
    with errors_for_people():
        seen = seen_by_a_batch_script_of_a_cluster_that_hands_on_nothing(tmp_path)
    assert seen == ("1" if wish == "1" else "None")


@pytest.mark.parametrize("error", [UserError("no such file"), KeyboardInterrupt(), ValueError("ours")])
def test_a_command_leaves_this_process_as_it_was_however_it_ends(wish: str | None, error: BaseException) -> None:
    is_shown = wish == "1" or type(error) is ValueError
    with pytest.raises(type(error) if is_shown else SystemExit), errors_for_people():
        raise error
    assert os.environ.get(traces.KEY) == wish


def test_hydra_hands_its_errors_over_only_while_it_is_told_to(capsys: pytest.CaptureFixture[str]) -> None:
    """Hydra's private function, which this project changes: prints and exits, but for as long as it is told to."""

    def fails() -> None:
        raise UserError("no such file")

    with handed_over(), pytest.raises(UserError, match="no such file"):
        run_and_report(fails)
    assert capsys.readouterr().err == ""
    with pytest.raises(SystemExit):
        run_and_report(fails)
    assert "no such file" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["--cfg", "job"], ["--help"], ["-m", "seed=0,1"], []], ids=" ".join)
def test_hydras_own_mistakes_are_one_message_in_a_real_process(command: list[str], wish: str | None) -> None:
    given = [sys.executable, "run.py", *command, "no_such_key=1"]
    done = subprocess.run(given, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no_such_key" in done.stderr
    assert ("Traceback" in done.stderr) == (wish == "1")
