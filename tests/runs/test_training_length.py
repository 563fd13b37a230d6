"""Runs that could not learn: short ones, long warm-ups, few rows. Each trains, or says what it does instead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from command_line import CommandLine, write_rows
from headtohead.training.schedule import LEAST_STEPS

pytestmark = pytest.mark.slow  # whole runs

QUICK = ["evaluate.resamples=100", "export.form=none"]


def line_of(folder: Path, cache: Path, count: int) -> CommandLine:
    folder.mkdir(exist_ok=True)
    rows = write_rows(folder / "rows.jsonl", count=count)
    return CommandLine(folder / "outputs", cache, rows, always=["model=tiny", "track=off", "data=files"])


def rates(line: CommandLine) -> list[float]:
    steps = map(json.loads, (line.folder() / "metrics.jsonl").read_text().splitlines())
    return [step["train/learning_rate"] for step in steps if "train/learning_rate" in step]


def test_one_step_moves_the_weights(tmp_path: Path, cache: Path):
    lines = [line_of(tmp_path / name, cache, 30) for name in ("none", "one")]
    for line, steps in zip(lines, (0, 1), strict=True):
        line.here(*QUICK, f"train.steps={steps}")
    before, after = (load_file(line.folder() / "trained.safetensors") for line in lines)
    assert rates(lines[1]) == [1e-3]
    assert any((before[name] != after[name]).any() for name in before)


def test_a_warm_up_beyond_the_end_is_fitted_and_said(tmp_path: Path, cache: Path):
    line = line_of(tmp_path / "first", cache, 30)
    line.here(*QUICK, "train.steps=20", "train.warmup_steps=100")
    (notice,) = [notice for notice in line.record()["notices"] if "warmup_steps=100" in notice["text"]]
    assert line.record()["cost"]["training"]["warmup_steps"] == 2
    other = line_of(tmp_path / "second", cache, 30)
    other.here(*QUICK, "train.steps=20", *notice["command"].split())
    assert rates(other) == rates(line)
    assert not any("warmup_steps" in notice["text"] for notice in other.record()["notices"])


def test_few_rows_are_read_often(tmp_path: Path, cache: Path):
    line = line_of(tmp_path, cache, 60)
    line.here(*QUICK)
    record = line.record()
    training = record["cost"]["training"]
    rows = record["data"]["truncation"]["train"]["rows"]
    assert training["steps"] == training["planned_steps"] == min(LEAST_STEPS, 20 * -(-rows // 8))
    assert training["planned_epochs"] == pytest.approx(training["steps"] / -(-rows // 8), abs=1e-3)
    assert record["config"]["train"]["epochs"] is None
    assert any("train.epochs=auto" in notice["text"] for notice in record["notices"])


def test_a_run_below_its_baselines_leads_with_what_to_try(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
):
    line = line_of(tmp_path, cache, 60)
    line.here(*QUICK, "train.steps=1", "train.learning_rate=1e-9")
    (notice,) = [notice for notice in line.record()["notices"] if notice["command"] == "model=minilm_l6"]
    assert notice["leads"]
    assert notice["text"] in capsys.readouterr().out
