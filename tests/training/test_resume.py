"""A whole run killed at any moment and started again by the same command ends as one that was left alone, bit for bit."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from command_line import ROOT, CommandLine, write_rows
from headtohead import atomic
from headtohead.results import read_predictions

SETTINGS = [
    "export.form=none",
    "evaluate.baselines=false",
    "evaluate.resamples=100",
    "train.steps=8",
    "train.evaluate_every=0.5",
    "train.checkpoint_seconds=0.02",
    "lora.dropout=0.2",
]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("rows") / "rows.jsonl", count=90)


def line_of(outputs: Path, cache: Path, rows: Path) -> CommandLine:
    return CommandLine(outputs, cache, rows)


def in_child(action: Callable[[], object]) -> int:
    """Run an action in a process of its own that shares what is imported; return its exit status."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        action()
        status = 0
    finally:
        os._exit(status)


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
        "leftovers": [path.name for path in (folder / "checkpoint").iterdir() if not path.name.startswith("step-")],
    }


def assert_same_outcome(folder: Path, straight: Path) -> None:
    assert folder.name == straight.name
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


@pytest.fixture(scope="module")
def straight(cache: Path, rows: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A run that was left alone, and its moments."""
    outputs = tmp_path_factory.mktemp("straight")
    line = line_of(outputs / "outputs", cache, rows)
    line_of(outputs / "first", cache, rows).here(*SETTINGS)  # fills the cache, and imports what every child needs
    return line, moments_of(line, outputs / "moments.json")  # type: ignore[return-value]


def check_moments(straight: Any, cache: Path, rows: Path, outputs: Path, chosen: list[int]) -> None:
    reference, names = straight
    for moment in chosen:
        line = line_of(outputs / str(moment), cache, rows)
        assert run_killed_at(line, moment) == 9, names[moment - 1]
        assert in_child(lambda line=line: line.here(*SETTINGS)) == 0, f"killed at: {names[moment - 1]}"
        assert_same_outcome(line.folder(), reference.folder())


def test_killed_at_writes_and_renames(straight: Any, cache: Path, rows: Path, tmp_path: Path):
    """At a few moments of different kinds; at all of them below."""
    _, names = straight
    for file in ("result.json", "trained.safetensors", "predictions.parquet", "report.html", "step-000000008"):
        for moment in ("before write", "after write", "after rename"):
            assert f"{moment} {file}" in names
    wanted = ["after write step-000000004", "after rename step-000000008", "before write report.html"]
    check_moments(straight, cache, rows, tmp_path, [names.index(name) + 1 for name in wanted])


@pytest.mark.slow
def test_killed_at_every_write_and_rename(straight: Any, cache: Path, rows: Path, tmp_path: Path):
    _, names = straight
    check_moments(straight, cache, rows, tmp_path, list(range(1, len(names) + 1)))


def kill_at_random(line: CommandLine, draw: random.Random) -> bool:
    """Start the command, kill it at a random moment once it has begun to write; return whether it had finished."""
    command = [sys.executable, "run.py", *line.always, f"data.source.name={line.rows}", *SETTINGS]
    places = [f"paths.outputs={line.outputs}", f"paths.cache={line.cache}"]
    process = subprocess.Popen([*command, *places], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    started = time.monotonic()
    before = {path: path.stat().st_mtime_ns for path in line.outputs.glob("*/result.json")}
    while process.poll() is None and time.monotonic() - started < 120:
        now = {path: path.stat().st_mtime_ns for path in line.outputs.glob("*/result.json")}
        if now != before:
            break
        time.sleep(0.02)
    time.sleep(draw.uniform(0, 4))
    finished = process.poll() is not None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return finished


def survive(line: CommandLine, reference: CommandLine, *, kills: int, seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(kills):
        if kill_at_random(line, draw):
            break
    assert in_child(lambda: line.here(*SETTINGS)) == 0
    assert_same_outcome(line.folder(), reference.folder())


def test_killed_at_a_random_moment(straight: Any, cache: Path, rows: Path, tmp_path: Path):
    survive(line_of(tmp_path / "outputs", cache, rows), straight[0], kills=1, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_many_random_moments(straight: Any, cache: Path, rows: Path, tmp_path: Path, seed: int):
    survive(line_of(tmp_path / "outputs", cache, rows), straight[0], kills=4, seed=seed)
