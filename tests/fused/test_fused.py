"""Jobs trained together: each is the run it would have been alone, with an end of its own."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from safetensors.numpy import load_file

from command_line import CommandLine, as_main, start_child, write_rows
from real_slurm import wait_for
from wandb_file import attempts

pytestmark = pytest.mark.long  # whole sweeps, with a process for the packs

QUIET = ["export.form=none", "evaluate.baselines=false", "evaluate.resamples=100"]
FUSED = ["hydra/launcher=fused"]


@pytest.fixture
def line(tmp_path: Path, cache: Path) -> CommandLine:
    return CommandLine(tmp_path / "outputs", cache, write_rows(tmp_path / "rows.jsonl", count=60))


def trials_of(line: CommandLine) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((line.folder() / "study.json").read_text())["trials"]
    return found


def test_each_is_the_run_it_would_have_been_alone(line: CommandLine, tmp_path: Path) -> None:
    given = [*QUIET, "lora.rank=2,4", "train.learning_rate=1e-3,5e-4", "loss=cross_entropy,focal"]
    line("-m", *given, *FUSED)
    alone = CommandLine(tmp_path / "alone", line.cache, line.rows)
    alone("-m", *given)
    fused, single = trials_of(line), trials_of(alone)
    assert [trial["state"] for trial in fused] == ["complete"] * 8
    assert [trial["params"] for trial in fused] == [trial["params"] for trial in single]
    for trial in fused:
        own, other = line.folder() / trial["folder"], alone.folder() / trial["folder"]
        weights, expected = load_file(own / "trained.safetensors"), load_file(other / "trained.safetensors")
        assert weights.keys() == expected.keys()
        for name in weights:
            np.testing.assert_allclose(weights[name], expected[name], atol=2e-4)
        assert {path.name for path in own.iterdir()} - {"job.log", "job_end.json"} == {
            path.name for path in other.iterdir()
        } - {"run.log"}
        assert line.record(own)["config"] == {
            **line.record(other)["config"],
            "paths": line.record(own)["config"]["paths"],
        }
        dumps = [(folder / ".hydra" / "overrides.yaml").read_text() for folder in (own, other)]
        assert dumps[0] == dumps[1].replace(str(alone.outputs), str(line.outputs))
        steps = [
            [json.loads(row) for row in (folder / "metrics.jsonl").read_text().splitlines()] for folder in (own, other)
        ]
        for ours, theirs in zip(*steps, strict=True):
            assert ours["step"] == theirs["step"]
            assert ours.get("train/loss") == pytest.approx(theirs.get("train/loss"), abs=1e-4)
        assert f"page: {own / 'report.html'}" in (own / "job.log").read_text()  # its own end, not a neighbour's


def test_each_has_an_end_of_its_own(line: CommandLine) -> None:
    """Some diverge; the others go on, and why they form another pack is said."""
    choices = "[all-linear],[gate_proj,up_proj]"
    given = ["lora.rank=2", f"lora.targets={choices}", "train.learning_rate=1e-3,1e30", "train.batch_size=8,9"]
    said = line("-m", *QUIET, *FUSED, "hydra.launcher.trials_at_once=12", "hydra.sweeper.max_failure_rate=1", *given)
    trials = trials_of(line)
    expected = ["complete", "complete", "fail", "fail"] * 2
    assert [trial["state"] for trial in trials] == expected
    assert "diverged" in trials[2]["reason"]
    assert "differ in train.batch_size" in said.stdout
    records = [line.record(line.folder() / trials[number]["folder"]) for number in (0, 4)]
    assert [record["cost"]["trials_in_pack"] for record in records] == [2, 2]  # the others have diverged by then
    assert records[0]["cost"]["trainable_parameters"] > records[1]["cost"]["trainable_parameters"]


def test_a_neighbour_that_diverges_changes_nothing(line: CommandLine, tmp_path: Path) -> None:
    line("-m", *QUIET, *FUSED, "train.learning_rate=1e-3,1e30")
    beside = CommandLine(tmp_path / "beside", line.cache, line.rows)
    beside("-m", *QUIET, *FUSED, "train.learning_rate=1e-3,1e-4")
    weights = [load_file(own.folder() / "trial_0000" / "trained.safetensors") for own in (line, beside)]
    for name in weights[0]:
        np.testing.assert_allclose(weights[0][name], weights[1][name], atol=2e-4)


def test_what_trains_the_trunk_is_trained_alone(line: CommandLine) -> None:
    said = line("-m", *QUIET, *FUSED, "lora=r8,full,frozen")
    assert [trial["state"] for trial in trials_of(line)] == ["complete"] * 3
    assert "trial_0001 is trained alone: lora=full trains the trunk itself" in said.stdout


def test_a_free_place_is_taken_by_the_next(line: CommandLine) -> None:
    """Runs of different length, more of them than places."""
    line("-m", *QUIET, *FUSED, "hydra.launcher.trials_at_once=2", "train.epochs=1,3,2,4,5", "seed=0")
    trials = trials_of(line)
    assert [trial["state"] for trial in trials] == ["complete"] * 5
    steps = [line.record(line.folder() / trial["folder"])["cost"]["training"]["steps"] for trial in trials]
    assert steps == [steps[0] * epochs for epochs in (1, 3, 2, 4, 5)]


def test_a_rung_prunes_within_a_pack(line: CommandLine) -> None:
    pruner = ["hydra/sweeper/pruner=rungs", "hydra.sweeper.pruner.min_resource=4", "hydra/sweeper/sampler=grid"]
    slow = ["train.epochs=4", "train.evaluate_every=1", "train.metric=log_loss"]  # of which no two are equal
    line("-m", *QUIET, *FUSED, *pruner, *slow, "train.learning_rate=1e-6,1e-2,2e-6,3e-6")
    trials = trials_of(line)
    assert [trial["state"] for trial in trials].count(
        "pruned"
    ) == 3  # at the first rung two of four go on, at the second one of two
    best = next(trial for trial in trials if trial["params"]["train.learning_rate"] == 1e-2)
    assert best["state"] == "complete"
    assert "RungPruner at step" in next(trial for trial in trials if trial["state"] == "pruned")["reason"]


def test_places_of_the_pruned_and_the_failed_are_taken_by_the_next(line: CommandLine) -> None:
    """Two places and four trials: the first fails, the others are pruned at their first evaluation."""
    pruner = ["hydra/sweeper/pruner=threshold", "hydra.sweeper.pruner.lower=2", "hydra.sweeper.pruner.n_warmup_steps=4"]
    at_once = ["hydra.launcher.trials_at_once=2", "hydra.sweeper.n_jobs=2"]  # two are trained, two wait
    rates = "train.learning_rate=1e30,1e-3,2e-3,3e-3"
    said = line("-m", *QUIET, *FUSED, *pruner, *at_once, "train.epochs=2", rates, code=1)
    assert "1 of 4 trials of" in said.stderr
    assert "failed, 3 were pruned, and none completed" in said.stderr
    trials = trials_of(line)
    assert sorted(trial["state"] for trial in trials) == ["fail", "pruned", "pruned", "pruned"]
    costs = [line.record(line.folder() / trial["folder"])["cost"] for trial in trials if trial["state"] == "pruned"]
    assert [cost["trials_in_pack"] for cost in costs].count(2) >= 2


def test_arms_are_tuned_together_confirmed_and_judged(line: CommandLine) -> None:
    """Three ranks, each tuned by TPE, one after another; confirming runs of all are trained together, each with a run in W&B."""
    small = ["experiment=lora_rank", *line.always, f"data.source.name={line.rows}", "track=offline"]
    own = ["hydra/sweeper/sampler=tpe", "hydra.sweeper.n_trials=2", "hydra.sweeper.confirm.seeds=2"]
    line(*small, *QUIET, *FUSED, *own, "data.subset={train:null,validation:null,test:null}", train=False)
    verdict = json.loads((line.folder() / "verdict.json").read_text())
    assert [arm["name"] for arm in verdict["arms"]] == ["r4", "r16", "r64"]
    folders = sorted(path.parent for path in line.folder().glob("r*/*/result.json"))
    assert len(folders) == 3 * (2 + 2)
    records = [line.record(folder) for folder in folders]
    assert {record["status"] for record in records} == {"completed"}
    assert max(record["cost"]["trials_in_pack"] for record in records) > 2  # of more than one arm
    for folder, record in zip(folders, records, strict=True):
        (logged,) = attempts(folder)
        assert logged.run["run_id"] == record["tracking"]["wandb_id"]
        assert logged.config["seed"] == record["config"]["seed"]
        assert logged.config["lora"]["rank"] == record["config"]["lora"]["rank"]
        assert logged.summary["objective"] == record["objective"]["value"]
    assert len({attempts(folder)[0].run["run_id"] for folder in folders}) == len(folders)


def test_a_stock_pruner_that_depends_on_order_is_refused(line: CommandLine) -> None:
    refused = line("-m", *QUIET, *FUSED, "hydra/sweeper/pruner=successive_halving", "seed=0,1", code=1)
    assert "hydra/sweeper/pruner=rungs" in refused.stderr


def test_hydras_own_sweeper(line: CommandLine) -> None:
    line("-m", *QUIET, *FUSED, "hydra/sweeper=basic", "lora.rank=2,4")
    records = [line.record(path.parent) for path in line.outputs.glob("*/result.json")]
    assert [record["status"] for record in records] == ["completed"] * 2


def worker_of(controller: int) -> psutil.Process | None:
    """Return the process that trains, once it does."""
    for child in psutil.Process(controller).children(recursive=True):
        with suppress(psutil.Error):  # it has just ended
            if "headtohead.fused.worker" in child.cmdline():
                return child
    return None


def test_a_killed_controller_and_a_killed_worker_lose_nothing(line: CommandLine) -> None:
    rates = "train.learning_rate=1e-4,2e-4,3e-4,4e-4,5e-4,6e-4,7e-4,8e-4"
    at_four = ["hydra.launcher.trials_at_once=4", "train.epochs=6", rates, "train.checkpoint_seconds=0"]
    given = line.arguments(["-m", *QUIET, *FUSED, *at_four], train=True)

    def start() -> int:
        with (line.outputs.parent / "said.txt").open("a") as stream:
            return start_child(lambda: as_main(given, stream, stream))

    first = start()
    wait_for(lambda: len(list(line.outputs.glob("*/trial_*/checkpoint/step-*"))) >= 4)
    worker = worker_of(first)
    assert worker
    os.kill(first, signal.SIGKILL)
    os.waitpid(first, 0)
    wait_for(lambda: not worker.is_running())
    before = completed_in(line)
    second = start()
    wait_for(lambda: any(line.record(path.parent)["attempt"] == 2 for path in line.outputs.glob("*/*/result.json")))
    worker = worker_of(second)
    assert worker
    worker.kill()
    assert os.waitstatus_to_exitcode(os.waitpid(second, 0)[1]) == 0, (line.outputs.parent / "said.txt").read_text()
    assert [trial["state"] for trial in trials_of(line)] == ["complete"] * 8
    assert before.items() <= completed_in(line).items()


def test_a_trial_that_kills_its_worker_takes_no_other_along(line: CommandLine) -> None:
    """Two train and two wait: whenever trial 1 trains, its worker is killed. The next command tries it again."""
    rates = "train.learning_rate=1e-4,2e-4,3e-4,4e-4"
    given = ["hydra.launcher.trials_at_once=2", "hydra.sweeper.n_jobs=2", "train.epochs=4", rates]
    arguments = line.arguments(["-m", *QUIET, *FUSED, *given], train=True)
    said = line.outputs.parent / "said.txt"

    def controller() -> int:
        with said.open("w") as stream:
            return start_child(lambda: as_main(arguments, stream, stream))

    child, killed, ended = controller(), set[int](), 0
    while not ended:
        for path in line.outputs.glob("*/trial_0001/result.json"):
            record = line.record(path.parent)
            worker = worker_of(child)
            if record["status"] == "running" and record["attempt"] not in killed and worker is not None:
                killed.add(record["attempt"])
                worker.kill()
        time.sleep(0.05)
        ended, status = os.waitpid(child, os.WNOHANG)
    assert os.waitstatus_to_exitcode(status) == 0, said.read_text()
    assert len(killed) == 3  # beside others, then twice alone
    trials = trials_of(line)
    assert [trial["state"] for trial in trials] == ["complete", "fail", "complete", "complete"], said.read_text()
    assert "the worker that trained it ended" in trials[1]["reason"]
    losses = {path.parent.name: json.loads(path.read_text()) for path in line.folder().glob("*/losses.json")}
    assert losses["trial_0001"] == {"alone": 2, "together": 1}
    assert all(not lost["alone"] for name, lost in losses.items() if name != "trial_0001")
    before = completed_in(line)
    assert os.waitstatus_to_exitcode(os.waitpid(controller(), 0)[1]) == 0, said.read_text()
    assert [trial["state"] for trial in trials_of(line)] == ["complete"] * 4
    assert before.items() <= completed_in(line).items()


def test_the_worker_starts_before_the_sweep_is_checked_and_ends_with_it(line: CommandLine) -> None:
    """Also where no job comes of it: what is asked for is refused, or is done already."""

    def controller(*arguments: str) -> tuple[psutil.Process, int, str]:
        """Return the worker of a sweep, the sweep's exit status, and what it said."""
        said = line.outputs.parent / "said.txt"
        with said.open("w") as stream:
            child = start_child(
                lambda: as_main(line.arguments(["-m", *QUIET, *FUSED, *arguments], train=True), stream, stream)
            )
        wait_for(lambda: worker_of(child) is not None)
        worker = worker_of(child)
        assert worker
        return worker, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said.read_text()

    worker, code, said = controller("lora.rnk=2,4")
    assert (code, worker.is_running()) == (1, False)
    assert "lora.rnk" in said
    assert not list(line.outputs.glob("*"))
    for _ in range(2):
        worker, code, said = controller("lora.rank=2,4")
        assert (code, worker.is_running()) == (0, False), said
        assert "Traceback" not in (line.folder() / "worker.log").read_text()
    assert [trial["state"] for trial in trials_of(line)] == ["complete"] * 2


def completed_in(line: CommandLine) -> dict[str, str]:
    """Return when each run completed."""
    records = {path.parent.name: line.record(path.parent) for path in line.outputs.glob("*/trial_*/result.json")}
    return {name: r["provenance"]["finished"] for name, r in records.items() if r["status"] == "completed"}
