"""A whole run killed at any moment and started again by the same command ends as one that was left alone, bit for bit."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from command_line import ROOT, CommandLine, as_main, in_child, start_child, write_rows
from headtohead import atomic
from headtohead.errors import TO_BE_CONTINUED
from headtohead.results import read_predictions
from headtohead.training.checkpoint import newest_step

pytestmark = pytest.mark.slow  # runs killed and continued

SETTINGS = [
    "export.form=none",
    "evaluate.baselines=false",
    "evaluate.resamples=100",
    "train.steps=4",
    "train.evaluate_every=0.25",
    "train.checkpoint_seconds=0",
    "lora.dropout=0.2",
]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("rows") / "rows.jsonl", count=90)


def run_killed_at(line: CommandLine, moment: int) -> int:
    """Run until the ``moment``-th write or rename, and die there as SIGKILL would have it: nothing is cleaned up."""

    def action() -> None:
        seen = 0

        def die(name: str, path: Path) -> None:
            nonlocal seen
            seen += 1
            if seen == moment:
                os._exit(9)

        atomic.on_step = die
        line.here(*SETTINGS)

    return in_child(action)


def moments_of(line: CommandLine, target: Path) -> list[str]:
    """Run to the end and return the name of every write and rename."""

    def action() -> None:
        names: list[str] = []
        atomic.on_step = lambda moment, path: names.append(f"{moment} {path.name}")
        line.here(*SETTINGS)
        target.write_text(json.dumps(names))

    assert in_child(action) == 0
    found: list[str] = json.loads(target.read_text())
    return found


def outcome(folder: Path) -> dict[str, Any]:
    """Return what must not depend on restarts."""
    record = json.loads((folder / "result.json").read_text())
    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {
        "status": record["status"],
        **{key: record[key] for key in ("metrics", "details", "calibration", "objective", "audit", "config")},
        "training": record["cost"]["training"],
        "curves": [{k: v for k, v in line.items() if "per_second" not in k and "time" not in k} for line in metrics],
        "files": {path.name for path in folder.iterdir()} - {".hydra", "run.log"},  # of run.py, not of the run
    }


def assert_same_outcome(folder: Path, straight: Path) -> None:
    assert folder.name == straight.name
    assert not (folder / "checkpoint").exists()  # a finished run keeps none
    found, expected = outcome(folder), outcome(straight)
    for key, value in expected.items():
        if key == "config":
            value, found[key] = ({k: v for k, v in c.items() if k != "paths"} for c in (value, found[key]))
        assert found[key] == value, key
    weights, other = load_file(folder / "trained.safetensors"), load_file(straight / "trained.safetensors")
    assert weights.keys() == other.keys()
    assert all(np.array_equal(weights[name], other[name]) for name in weights)
    first, second = (read_predictions(path / "predictions.parquet") for path in (folder, straight))
    assert np.array_equal(first.scores, second.scores)


@dataclass(frozen=True)
class Straight:
    """A run that was left alone."""

    line: CommandLine
    names: list[str]
    """Every write and rename, in turn."""
    seconds: float


@pytest.fixture(scope="module")
def straight(cache: Path, rows: Path, tmp_path_factory: pytest.TempPathFactory) -> Straight:
    outputs = tmp_path_factory.mktemp("straight")
    line = CommandLine(outputs / "outputs", cache, rows)
    CommandLine(outputs / "first", cache, rows).here(*SETTINGS)  # fills the cache, and imports what every child needs
    started = time.monotonic()
    names = moments_of(line, outputs / "moments.json")
    return Straight(line, names, time.monotonic() - started)


def test_killed_at_writes_and_renames(straight: Straight, cache: Path, rows: Path, tmp_path: Path):
    """At a few moments of different kinds; at all of them below."""
    for file in ("result.json", "trained.safetensors", "predictions.parquet", "report.html", "step-000000004"):
        for moment in ("before write", "after write", "after rename"):
            assert f"{moment} {file}" in straight.names
    for name in ("after write step-000000002", "after rename step-000000004", "before write report.html"):
        line = CommandLine(tmp_path / name, cache, rows)
        assert run_killed_at(line, straight.names.index(name) + 1) == 9, name
        assert in_child(lambda line=line: line.here(*SETTINGS)) == 0, f"killed at: {name}"
        assert_same_outcome(line.folder(), straight.line.folder())


def states_of(line: CommandLine, target: Path) -> list[Path]:
    """Run to the end; return what a kill at every write and rename leaves on disk, in turn, equal neighbours once."""

    def action() -> None:
        count = itertools.count()
        atomic.on_step = lambda moment, path: shutil.copytree(
            line.outputs, target / f"{next(count):03} {moment} {path.name}"
        )
        line.here(*SETTINGS)

    assert in_child(action) == 0
    distinct: list[Path] = []
    for state in sorted(target.iterdir()):
        if not distinct or contents(state) != contents(distinct[-1]):
            distinct.append(state)
    return distinct


def contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.long
def test_killed_at_every_write_and_rename(straight: Straight, cache: Path, rows: Path, tmp_path: Path):
    """A killed process leaves its disk and nothing else: one run shows all the disks that a kill could leave."""
    line = CommandLine(tmp_path / "outputs", cache, rows)
    states = states_of(line, tmp_path / "states")
    assert len(straight.names) // 2 <= len(states) <= len(straight.names)
    composed = line.composed(*SETTINGS)
    for state in states:
        shutil.rmtree(line.outputs)
        shutil.copytree(state, line.outputs)
        assert in_child(lambda: line.perform(composed)) == 0, f"killed at: {state.name}"
        assert_same_outcome(line.folder(), straight.line.folder())


@pytest.mark.long
def test_killed_during_the_export(cache: Path, rows: Path, tmp_path: Path):
    """Before the export's files are there, and again when they are written and held to be right, but not yet in place."""
    line = CommandLine(tmp_path / "outputs", cache, rows)
    settings = [*SETTINGS[1:], "export.form=adapter", "export.gate_rows=8"]

    def run_killed_when(name: str) -> int:
        def action() -> None:
            atomic.on_step = lambda moment, path: os._exit(9) if f"{moment} {path.name}" == name else None
            line.here(*settings)

        return in_child(action)

    for name in ("before write model", "after write model"):
        assert run_killed_when(name) == 9, name
        assert line.record()["status"] == "running"
        assert not (line.folder() / "model").exists()
    line(*settings)
    record = line.record()
    assert (record["status"], record["attempt"], record["export"]["status"]) == ("completed", 3, "passed")
    assert {"adapter_model.safetensors", "README.md"} <= {path.name for path in (line.folder() / "model").iterdir()}
    assert not list(line.folder().glob(".model*"))


def test_a_killed_command_continues(straight: Straight, cache: Path, rows: Path, tmp_path: Path):
    """As a user sees it: ``python run.py``, killed as soon as there is a checkpoint, and once more."""
    line = CommandLine(tmp_path / "outputs", cache, rows)
    command = [sys.executable, "run.py", *line.arguments(SETTINGS, train=True)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(line.outputs.glob("*/checkpoint/step-*")):
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert line.record()["status"] == "running"
    line(*SETTINGS)
    assert_same_outcome(line.folder(), straight.line.folder())


@pytest.mark.parametrize(
    ("name", "newest"),
    [("before write result.json", 0), ("after rename step-000000002", 3), ("after write predictions.parquet", 4)],
)
def test_asked_to_stop(straight: Straight, cache: Path, rows: Path, tmp_path: Path, name: str, newest: int):
    """SIGTERM: in training the step is finished and saved; the same command goes on, bit for bit."""
    line = CommandLine(tmp_path / "outputs", cache, rows)
    said = tmp_path / "said.txt"

    def action(stream: IO[str]) -> None:
        def ask(moment: str, path: Path) -> None:
            if f"{moment} {path.name}" == name:
                os.kill(os.getpid(), signal.SIGTERM)

        atomic.on_step = ask
        as_main(line.arguments(SETTINGS, train=True), stream, stream)

    with said.open("w") as stream:
        assert in_child(lambda: action(stream)) == TO_BE_CONTINUED
    assert "Interrupted: asked to stop. The same command goes on from here" in said.read_text()
    assert line.record()["status"] == "interrupted"
    assert newest_step(line.folder() / "checkpoint") == newest
    line(*SETTINGS)
    assert_same_outcome(line.folder(), straight.line.folder())


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_many_random_moments(straight: Straight, cache: Path, rows: Path, tmp_path: Path, seed: int):
    """Four kills each; what is started again has less and less left to do."""
    draw, line = random.Random(seed), CommandLine(tmp_path / "outputs", cache, rows)
    for left in (1.0, 0.8, 0.7, 0.6):
        child = start_child(lambda: line.here(*SETTINGS))
        time.sleep(draw.uniform(0, left * straight.seconds))
        os.kill(child, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status in (0, -signal.SIGKILL)
    assert in_child(lambda: line.here(*SETTINGS)) == 0
    assert_same_outcome(line.folder(), straight.line.folder())
