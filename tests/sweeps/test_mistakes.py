"""A sweep that cannot come to anything is refused in one message before any training, and loses nothing."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from command_line import ROOT, CommandLine, as_main, start_child
from headtohead import atomic
from real_slurm import wait_for

pytestmark = pytest.mark.long  # every command composes its sweep in a process of its own

QUIET = ["export.form=none", "evaluate.baselines=false", "evaluate.resamples=100"]
ARMS = "+hydra.sweeper.arms={{a:{a},b:{b}}}"


def arms(a: str, b: str) -> str:
    return ARMS.format(a=a, b=b)


HEADS = arms("['head=classification']", "['head=generative']")

FRESH = "hydra.sweeper.confirm.fresh_samples=true"


@pytest.mark.changed_meaning("_target_ in a configuration file")
@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["lora.rank=2,4", "+hydra.sweeper.params={lora.rnak:'choice(2,4)'}"], "did you mean 'rank'"),
        (["train.learning_rate=1e-3,fast"], "train.learning_rate must be a number, given 'fast'"),
        (["seed=0", "lora.rank=range(3,3)"], "holds no values"),
        (["lora.rank=choice("], "as in 'lora.rank=choice(4,8)'"),
        (["hydra.sweeper.params={lora.rnak:'choice(2,4)'}"], "did you mean 'rank'"),
        (
            [arms("['head=classification']", "['head=clasification']")],
            "hydra.sweeper.arms.b: head=clasification is unknown",
        ),
        (
            [
                arms("['lora=r8']", "{overrides:['lora=r16'],params:{lora.rnak:'choice(1,2)'}}"),
                "hydra/sweeper/sampler=random",
            ],
            "did you mean 'rank'",
        ),
        ([arms("['lora=r8']", "['lora=r8']")], "the arms a and b are the same"),
        ([arms("['lora=r8']", "['lora=r8','lora.rank=8']")], "the arms a and b come to the same configuration"),
        (
            [
                arms("['train.learning_rate=0.1']", "[]"),
                "+hydra.sweeper.params={train.learning_rate:'interval(0.1,1)'}",
            ],
            "what an arm fixes cannot be tuned in it",
        ),
        ([HEADS, "head=generative"], "the arms decide on it"),
        ([arms("['seed=0']", "7")], "must be a list of overrides"),
        (["lora.rank=2,4", "hydra.sweeper.n_trials=0"], "n_trials must be 1 or more"),
        (["lora.rank=2,4", "hydra.sweeper.objective=metrics.test.macro_f1"], "Validation tunes, test reports"),
        (["lora.rank=2,4", "hydra.sweeper.objective=metrics.validation.f1"], "did you mean"),
        (["lora.rank=2,4", "train.metric=f1"], "did you mean"),
        (["lora.rank=2,4", "hydra.sweeper.enqueue=[{lora.rnak:2}]"], "did you mean 'lora.rank'"),
        (["lora.rank=2,4", "hydra.sweeper.enqueue=[{lora.rank:3}]"], "lies outside the search space"),
        (["lora.rank=2,4", "hydra.sweeper.enqueue=[7]"], "must be a mapping"),
        (["lora.rank=2,4", "hydra.sweeper.enqueue=seven"], "Invalid value assigned"),
        ([HEADS, "hydra.sweeper.confirm.seeds=0"], "hydra.sweeper.confirm.seeds must be 1 or more"),
        ([HEADS, "+hydra.sweeper.margin={macro_f:0.1}"], "did you mean 'macro_f1'"),
        ([HEADS, "+hydra.sweeper.margin={mae:0.1}"], "single-label data cannot be judged by it"),
        ([HEADS, "+hydra.sweeper.margin={macro_f1:0}"], "hydra.sweeper.margin.macro_f1 must be positive"),
        ([HEADS, "+hydra.sweeper.margin={macro_f1:5}"], "such as hydra.sweeper.margin.macro_f1=0.05 for 5 points"),
        ([HEADS, "+hydra.sweeper.margin={kappa:2}"], "hydra.sweeper.margin.kappa=2: two systems differ by at most 2"),
        (
            [HEADS, "hydra.sweeper.objective=[metrics.validation.macro_f1,cost.trainable_parameters]"],
            "bound the others with hydra.sweeper.constraints",
        ),
        ([HEADS, "hydra.sweeper.alpha=0.9"], "alpha is an error rate"),
        (["lora.rank=2,4", "hydra.sweeper.study_name=a/b"], "names a folder too"),
        (["lora.rank=2,4", "hydra.sweeper.n_trails=3"], "did you mean 'n_trials'"),
        (["lora.rank=2,4", "hydra/sweeper/pruner=medain"], "did you mean 'median'"),
        (["lora.rank=2,4", "hydra.sweeper.n_trials=many"], "could not be converted to Integer"),
        (["lora.rank=2,4", "hydra/launcher=local", "hydra.launcher.gpus_per_job=64"], "GPUs"),
        (
            ["lora.rank=2,4", "hydra.sweeper._target_=hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"],
            "this is the published plugin",
        ),
        ([arms("['train.metric=log_loss']", "['lora.rank=8']")], "set it once, outside hydra.sweeper.arms"),
        (["train.metric=log_loss,macro_f1"], "all of a sweep must share it"),
        ([arms("['data.subset.test=5']", "['lora.rank=8']")], "the arms a and b differ in data.subset"),
        ([arms("['data.seed=1']", "['lora.rank=8']")], "the arms a and b differ in data.seed"),
        ([HEADS, FRESH], "data.split.folds=5 data.split.repeats=3 instead of"),
        ([HEADS, FRESH, "data.subset.per_class=8"], "trains on all"),
        ([HEADS, FRESH, "data.subset.train=10000"], "data.subset.train=21 or less"),
        ([HEADS, FRESH, "data.subset.train=8", "data.seed=1000"], "tuning takes data seeds below 1000"),
        ([HEADS, FRESH, "data.subset.train=8", "data.seed=0,1"], "data.seed"),
        ([HEADS, "hydra.sweeper.pairing=seeds", "data.split.folds=3"], "set hydra.sweeper.pairing=none"),
        ([HEADS, "hydra.sweeper.pairing=seed"], "hydra.sweeper.pairing"),
        ([HEADS, "hydra.sweeper.confirm.seeds=501"], "at most 500"),
        ([HEADS, "seed=1000"], "tuning takes seeds below 1000"),
        ([HEADS, "seed=range(1000,1003)"], "tuning takes seeds below 1000"),
    ],
)
def test_refused_before_any_training(line: CommandLine, overrides: list[str], said: str) -> None:
    refused = line("-m", *QUIET, *overrides, code=1)
    message = refused.stderr.strip()
    assert said in message
    assert "Traceback" not in message
    assert len(message.splitlines()) <= 3, message
    assert not list(line.outputs.rglob("trial_*"))


def test_a_folder_that_cannot_be_made(line: CommandLine) -> None:
    line.outputs.write_text("a file")
    refused = line("-m", *QUIET, "lora.rank=2,4", code=1)
    assert "cannot be written" in refused.stderr
    assert "paths.outputs=<folder>" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("where", ["predictions.parquet", "study.json", "result.json"])
def test_a_full_disk_stops_a_sweep_and_loses_nothing(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """The disk is full from the second trial on, at the first write of a kind of file and ever after."""
    asked = ("-m", *QUIET, "lora.rank=2,4,8")
    is_full = []

    def full(moment: str, path: Path) -> None:
        second = path.name == where and ("trial_0001" in str(path) or (line.folder() / "trial_0001").exists())
        if moment == "before write" and (is_full or second):
            is_full.append(path)
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(atomic, "on_step", full)
    stopped = line(*asked, code=1)
    monkeypatch.undo()
    assert "no disk space left" in stopped.stderr
    assert "the same command goes on" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    before = (line.folder() / "trial_0000" / "result.json").read_text()
    line(*asked)
    found = json.loads((line.folder() / "study.json").read_text())
    assert [trial["state"] for trial in found["trials"]] == ["complete"] * 3
    assert (line.folder() / "trial_0000" / "result.json").read_text() == before


def heed_interrupts() -> None:
    """Shells have what they start in the background ignore them, and so all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("launcher", ["basic", "local"])
@pytest.mark.parametrize("whole_group", [True, False], ids=["at the terminal", "kill -INT"])
def test_an_interrupted_sweep_says_how_to_go_on(line: CommandLine, launcher: str, whole_group: bool) -> None:
    asked = [
        "-m",
        *QUIET,
        "train.epochs=300",
        f"hydra/launcher={launcher}",
        "hydra.sweeper.n_jobs=2",
        "lora.rank=2,4,8",
    ]
    command = [sys.executable, "run.py", *line.arguments(asked, train=True)]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_interrupts,
    )
    deadline = time.monotonic() + 60
    while not list(line.outputs.glob("*/trial_0000/metrics.jsonl")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(1)
    children = psutil.Process(process.pid).children(recursive=True)
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert "interrupted" in said
    assert "the same command goes on" in said
    assert "Traceback" not in said
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    states = [trial["state"] for trial in json.loads((line.folder() / "study.json").read_text())["trials"]]
    assert "fail" not in states
    assert "running" in states


@pytest.mark.parametrize("launcher", ["local", "fused"])
@pytest.mark.parametrize("wish", [None, "0", "1"])
def test_a_jobs_log_holds_a_trace_where_one_was_asked_for_and_a_message_elsewhere(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch, launcher: str, wish: str | None
) -> None:
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    if wish is not None:
        monkeypatch.setenv("HYDRA_FULL_ERROR", wish)
    diverges = "train.learning_rate=1e30"  # found in a job alone
    line("-m", f"hydra/launcher={launcher}", "evaluate.test=false", diverges, "lora.rank=2,4", code=1)
    for number in (0, 1):
        log = (line.folder() / f"trial_000{number}" / "job.log").read_text()
        assert "Diverged: " in log
        assert ("Traceback" in log) == (wish == "1")


def test_data_that_break_and_are_mended_cost_no_trial(line: CommandLine) -> None:
    """Broken beforehand nothing is run and nothing is left; broken on the way, the same command runs what failed."""
    whole, broken = line.rows.read_text(), '{"text": "no end'
    given = ["-m", "model=tfidf", *QUIET, "train.epochs=range(1,9)", "hydra.sweeper.max_failure_rate=1"]
    line.rows.write_text(whole + broken)
    refused = line(*given, code=1)
    assert "rows.jsonl" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not line.outputs.exists()
    line.rows.write_text(whole)
    arguments, said = line.arguments(given, train=True), line.outputs.parent / "said.txt"
    with said.open("w") as stream:
        child = start_child(lambda: as_main(arguments, stream, stream))
        wait_for(lambda: any(line.outputs.glob("*/trial_0000/report.html")), seconds=600)
        line.rows.write_text(whole + broken)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, said.read_text()

    def states() -> list[str]:
        return [trial["state"] for trial in json.loads((line.folder() / "study.json").read_text())["trials"]]

    assert set(states()) == {"complete", "fail"}
    assert states()[-1] == "fail"
    assert "rows cannot be used" in line.record(line.folder() / "trial_0007")["error"]
    again = line(*given, code=1)  # not mended yet: said once, before any trial
    assert again.stderr.count("rows cannot be used") == 1
    before = {path: path.stat().st_mtime_ns for path in line.outputs.glob("*/trial_0000/result.json")}
    line.rows.write_text(whole)
    line(*given)
    assert states() == ["complete"] * 8
    assert before == {path: path.stat().st_mtime_ns for path in before}
    line.rows.write_text(whole.replace("match", "game"))
    line(*given)  # nothing is missing: what stands can be shown
