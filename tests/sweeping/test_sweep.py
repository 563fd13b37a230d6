"""Sweeps as a user runs them: in processes of their own, on tiny models."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from command_line import ROOT, CommandLine, write_rows

pytestmark = pytest.mark.slow  # every sweep is several runs in a process of its own

QUIET = ["export.form=none", "evaluate.baselines=false"]
TUNED = [
    "hydra/sweeper/sampler=random",
    "hydra.sweeper.sampler.seed=3",
    "train.learning_rate=tag(log,interval(1e-4,1e-1))",
]


@pytest.fixture
def line(tmp_path: Path, cache: Path) -> CommandLine:
    return CommandLine(tmp_path / "outputs", cache, write_rows(tmp_path / "rows.jsonl", count=60))


def study_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "study.json").read_text())
    return found


def ended(folder: Path) -> dict[str, tuple[str, str]]:
    """Return when each trial that is over came to its end."""
    records = {path.parent.name: json.loads(path.read_text()) for path in folder.glob("trial_*/result.json")}
    return {
        name: (record["status"], record["provenance"].get("finished"))
        for name, record in records.items()
        if record["status"] != "running"
    }


def test_a_plain_sweep_is_a_grid_that_runs_once(line: CommandLine) -> None:
    asked = ("-m", *QUIET, "lora.rank=2,4", "prompt.template='{text}, it says: ','{text}'")
    line(*asked)
    found, before = study_of(line.folder()), ended(line.folder())
    assert [trial["state"] for trial in found["trials"]] == ["complete"] * 4
    assert [trial["params"]["lora.rank"] for trial in found["trials"]] == [2, 2, 4, 4]
    assert found["space"]["prompt.template"] == "choice('{text}, it says: ', '{text}')"
    record = line.record(line.folder() / "trial_0002")
    assert record["config"]["prompt"]["template"] == "{text}, it says: "
    assert "test" in record["metrics"]
    assert record["trial"] == {"study": found["study"], "number": 2, "attempt": 1}
    assert found["best_command"].startswith("python run.py ")
    line(*asked)
    assert ended(line.folder()) == before


def test_a_tuned_sweep_prunes_and_never_reads_the_test_split(line: CommandLine) -> None:
    pruner = ["hydra/sweeper/pruner=threshold", "hydra.sweeper.pruner.lower=0.5"]
    first = "hydra.sweeper.enqueue=[{train.learning_rate:0.00001},{train.learning_rate:0.01}]"
    slow = ["train.epochs=8", "train.evaluate_every=4"]
    line("-m", *TUNED[:2], *pruner, first, "hydra.sweeper.n_trials=2", *slow, "train.learning_rate=1e-5,1e-2")
    trials = study_of(line.folder())["trials"]
    assert {trial["state"] for trial in trials} == {"pruned", "complete"}
    stopped = next(trial for trial in trials if trial["state"] == "pruned")
    assert stopped["reason"].startswith("ThresholdPruner at step")
    assert len(stopped["reports"]) == 1
    for trial in trials:
        record = line.record(line.folder() / trial["folder"])
        assert set(record["metrics"]) <= {"validation"}
        assert record["test_reads"] == 0


def test_another_space_under_the_same_name_is_refused_with_the_difference(line: CommandLine) -> None:
    line("-m", *QUIET, "hydra.sweeper.study_name=mine", "lora.rank=2,4")
    refused = line("-m", *QUIET, "hydra.sweeper.study_name=mine", "lora.rank=2,8", code=1)
    assert "lora.rank: was choice(2, 4), is choice(2, 8)" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["lora.rnak=2,4"], "did you mean 'rank'"),
        (["lora=r8,r17"], "did you mean 'r16'"),
        (["lora.rank=2,4", "hydra.sweeper.storage=sqlite:////nowhere/study.db"], "cannot be opened"),
        (["lora.rank=2,4", "hydra/launcher=local", "hydra.launcher.cores_per_job=4096"], "this process may use"),
    ],
)
def test_mistakes_are_found_before_any_training(line: CommandLine, overrides: list[str], said: str) -> None:
    refused = line("-m", *QUIET, *overrides, code=1)
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not list(line.outputs.glob("*/trial_*"))


def test_a_failed_trial_does_not_end_the_sweep(line: CommandLine) -> None:
    line("-m", *QUIET, "lora.targets=[all-linear],[q_prj],[attention]")
    trials = study_of(line.folder())["trials"]
    assert [trial["state"] for trial in trials] == ["complete", "fail", "complete"]
    assert "did you mean 'q_proj'" in trials[1]["reason"]


def test_too_many_failures_do(line: CommandLine) -> None:
    refused = line("-m", *QUIET, "hydra.sweeper.max_failure_rate=0", "lora.targets=[q_prj],[all-linear]", code=1)
    assert "more than hydra.sweeper.max_failure_rate=0" in refused.stderr
    assert len(study_of(line.folder())["trials"]) == 2


@pytest.mark.parametrize("launcher", ["basic", "local"])
def test_killed_sweeps_go_on(line: CommandLine, launcher: str) -> None:
    """SIGKILL at random moments: no finished trial is lost or run again, every number has one final state."""
    given = [*TUNED, "hydra.sweeper.n_trials=4", f"hydra/launcher={launcher}", "hydra.sweeper.n_jobs=2"]
    places = [f"paths.outputs={line.outputs}", f"paths.cache={line.cache}", f"data.source.name={line.rows}"]
    command = [sys.executable, "run.py", "-m", *line.always, *places, *given]
    draw, seen = random.Random(0), {}
    for _ in range(3):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(draw.uniform(5, 12))
        process.send_signal(signal.SIGKILL)
        process.wait()
        now = ended(line.folder()) if line.outputs.exists() else {}
        assert seen.items() <= now.items()
        seen = now
    line("-m", *given)
    assert seen.items() <= ended(line.folder()).items()
    found = study_of(line.folder())
    assert [(trial["number"], trial["state"]) for trial in found["trials"]] == [(n, "complete") for n in range(4)]
