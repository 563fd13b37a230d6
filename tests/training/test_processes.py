"""Two processes on the CPU give the losses of one with the same global batch, and scores merge in order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import shared_steps
from command_line import ROOT, CommandLine, write_rows
from headtohead.runs import lifecycle as run_task
from headtohead.tiny import tiny_checkpoint
from headtohead.training import Processes
from shared_steps import CASES, FSDP, SHARDED_CASES, STEPS, launcher, results, trained
from tiny_runs import ALONE, config_of

SCRIPT = Path(shared_steps.__file__)


def together(cache: Path, folder: Path, *options: str) -> list[dict[str, Any]]:
    """Return what each of two processes saw."""
    for architecture in ("llama", "bert"):
        tiny_checkpoint(architecture, cache)
    done = subprocess.run(
        [*launcher(*options), str(SCRIPT), str(cache), str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


def assert_close(found: dict[str, Any], expected: dict[str, Any], what: str, tolerance: float, case: str) -> None:
    for own, other in zip(found[what], expected[what], strict=True):
        np.testing.assert_allclose(own, other, rtol=0, atol=tolerance, err_msg=f"{what} of {case}")


@pytest.mark.slow
def test_losses_weights_and_scores_are_those_of_one(cache: Path, tmp_path: Path):
    """One test for all cases: starting processes takes longer than what they do."""
    found, alone = together(cache, tmp_path, "--multi_gpu"), results(cache, ALONE, CASES)
    for case in CASES:
        for rank in (0, 1):
            for what, tolerance in (("losses", 1e-5), ("weights", 1e-3), ("scores", 1e-4)):
                assert_close(found[rank][case], alone[case], what, tolerance, f"{case}, {rank}")


@pytest.mark.long
def test_sharded_losses_weights_and_scores_are_those_of_one(cache: Path, tmp_path: Path):
    """FSDP, with whole weights kept between forward and backward, which scoring must not leave behind."""
    found = together(cache, tmp_path, *FSDP, "--fsdp_reshard_after_forward", "false")
    alone = results(cache, ALONE, SHARDED_CASES)
    for case in SHARDED_CASES:
        tolerance = 1e-2 if case == "bf16" else 1e-5
        for rank in (0, 1):
            assert found[rank][case]["counts"] == alone[case]["counts"]
            for what in ("losses", "weights", "scores"):
                assert_close(found[rank][case], alone[case], what, tolerance, f"{case}, {rank}")
    straight = trained(cache, ALONE, tmp_path / "alone")
    assert straight["best"] == STEPS
    assert [straight["scores"]] != straight["last"]
    continued = trained(cache, ALONE, tmp_path / "killed")  # by one process, from what two have written
    assert continued["weights"] == found[0]["killed"]["weights"]
    for rank in (0, 1):
        assert found[rank]["killed"] == found[rank]["straight"]
        for what in ("weights", "scores", "last"):
            assert_close(found[rank]["straight"], straight, what, 1e-5, f"training, {rank}")


@pytest.mark.long
def test_a_run_of_two_is_that_of_one(cache: Path, tmp_path: Path):
    """By the command that docs/clusters.md names."""
    settings = ["export.form=none", "evaluate.baselines=false", "evaluate.resamples=100", "train.steps=6"]
    settings.append("model.precision=fp32")  # processes sum in another order
    rows = write_rows(tmp_path / "rows.jsonl")
    alone, shared = (CommandLine(tmp_path / name, cache, rows) for name in ("alone", "shared"))
    alone(*settings)
    command = "accelerate launch --multi_gpu --num_processes 2 run.py"
    assert command in (ROOT / "docs" / "clusters.md").read_text()
    start = [sys.executable, "-m", "accelerate.commands.launch", *command.split()[2:]]
    subprocess.run([*start, *shared.arguments(settings, train=True)], cwd=ROOT, capture_output=True, check=True)
    assert [line.record()["provenance"]["processes"] for line in (alone, shared)] == [1, 2]
    assert shared.record()["status"] == "completed"
    np.testing.assert_allclose(losses_of(shared), losses_of(alone), rtol=0, atol=1e-5)


def losses_of(line: CommandLine) -> list[float]:
    steps = [json.loads(step) for step in (line.folder() / "metrics.jsonl").read_text().splitlines()]
    found = [step["train/loss"] for step in steps if "train/loss" in step]
    assert len(found) == 6
    return found


def test_nobody_waits_while_the_main_process_concludes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Evaluation and export may take longer than a barrier lasts (ten minutes by default on GPUs)."""
    events: list[str] = []
    other = Processes(1, 2, torch.device("cpu"))
    monkeypatch.setattr(Processes, "current", lambda: other)
    monkeypatch.setattr(Processes, "wait", lambda self: events.append("wait"))

    def steps(run: object, earlier: object, shelf: object) -> Iterator[None]:
        events.append("steps")
        yield from ()

    monkeypatch.setattr(run_task, "_steps", steps)
    run_task.train(config_of(), tmp_path, "0")
    assert events.count("wait") > 0
    assert events[-1] == "steps"


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("items", [0, 1, 2, 3, 7])
def test_every_process_takes_as_many_turns(items: int, count: int):
    turns = [Processes(rank, count, torch.device("cpu")).own_turns(range(items)) for rank in range(count)]
    assert {len(own) for own in turns} == {-(-items // count)}
    assert {item for own in turns for item in own} == set(range(items))
