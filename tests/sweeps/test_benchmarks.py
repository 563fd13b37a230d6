"""Short versions of ``benchmarks/sweep_kills.py``, ``benchmarks/straggler.py`` and ``benchmarks/gpu.py``."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.long  # whole sweeps, killed; and sleeping jobs long enough to measure

BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")


@pytest.fixture(autouse=True)
def benchmarks() -> Iterator[None]:
    sys.path.insert(0, BENCHMARKS)
    yield
    sys.path.remove(BENCHMARKS)


@pytest.mark.parametrize("launcher", ["basic", "local"])
def test_killed_sweeps_keep_what_was_finished(tmp_path: Path, launcher: str) -> None:
    import sweep_kills

    said: list[str] = []
    wrong = sweep_kills.measure(
        tmp_path, trials=3, kills=2, write_trials=0, parts=("random",), launchers=(launcher,), say=said.append
    )
    assert wrong == []
    assert any("held" in line for line in said)


def test_a_sweep_whose_controller_dies_at_every_write(tmp_path: Path) -> None:
    """Its own writes alone: those of runs are many, and the benchmark's."""
    import sweep_kills

    sweep_kills.write_rows(tmp_path / "rows.jsonl")
    plain, grid = sweep_kills.Grid(tmp_path, 1), sweep_kills.Grid(tmp_path, 1, "local", "dying")
    plain.finish()
    shutil.copytree(plain.folder / "cache", grid.folder / "cache")  # what the checks before the first trial would write
    # three moments of definition.json and of study.json, two of every change in the journal
    assert sweep_kills.kill_at_writes(grid, "controller") >= 6 + 2 * 4
    assert sweep_kills.violations(grid, sweep_kills.found_in(plain)) == []


def test_what_is_violated_is_said(tmp_path: Path) -> None:
    import sweep_kills

    sweep_kills.write_rows(tmp_path / "rows.jsonl")
    grid = sweep_kills.Grid(tmp_path, 1)
    grid.finish()
    undisturbed = sweep_kills.found_in(grid)
    assert sweep_kills.violations(grid, undisturbed) == []
    sweep_kills.note(grid.folder / "completed", "trial_0000 later 2")
    assert sweep_kills.violations(grid, undisturbed) == ["trial_0000 completed 2 times"]
    assert len(sweep_kills.violations(grid, {0: ("complete", [0.0], {})})) == 2


def test_a_slow_job_in_every_four_leaves_no_worker_waiting(tmp_path: Path) -> None:
    import straggler

    assert straggler.utilisation(tmp_path, jobs=48, seconds=1.0)[0] >= 0.9


def test_every_part_of_the_gpu_table_runs_on_small_models(tmp_path: Path) -> None:
    """On a processor too, so that a session with a GPU finds it working."""
    command = [sys.executable, f"{BENCHMARKS}/gpu.py", "--tiny", "--blocks", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    line = json.loads(done.stdout.splitlines()[-1])
    assert line["gate"] is True
    assert set(line["found"]) == {"packs", "encoder", "large", "large_nf4", "score"}
    assert line["versions"]["torch"]
    assert line["code"]["commit"]
