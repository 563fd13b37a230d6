"""Two processes on the CPU give the losses of one with the same global batch, and scores merge in order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

import shared_steps
from headtohead.tiny import tiny_checkpoint
from shared_steps import CASES, results
from tiny_runs import ALONE

SCRIPT = Path(shared_steps.__file__)


def together(cache: Path, target: Path) -> list[dict[str, Any]]:
    """Return what each of two processes saw."""
    for architecture in ("llama", "bert"):
        tiny_checkpoint(architecture, cache)
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    single = ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    done = subprocess.run(
        [*launcher, *single, str(SCRIPT), str(cache), str(target)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(target.with_suffix(f".{rank}.json").read_text()) for rank in (0, 1)]


def test_losses_weights_and_scores_are_those_of_one(cache: Path, tmp_path: Path):
    """One test for all cases: starting processes takes longer than what they do."""
    found, alone = together(cache, tmp_path / "found"), results(cache, ALONE)
    for case in CASES:
        for rank in (0, 1):
            for what, tolerance in (("losses", 1e-5), ("weights", 1e-3), ("scores", 1e-4)):
                for own, expected in zip(found[rank][case][what], alone[case][what], strict=True):
                    np.testing.assert_allclose(own, expected, atol=tolerance, err_msg=f"{what} of {case}, {rank}")
