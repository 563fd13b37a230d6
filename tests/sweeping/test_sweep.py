"""Sweeps as a user runs them: in processes of their own, on tiny models."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from command_line import CommandLine, write_rows
from reporting.page_reader import Page, refuse_requests

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
    assert "4 completed" in Page((line.folder() / "report.html").read_text()).text
    line(*asked)
    assert ended(line.folder()) == before


@pytest.mark.long
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


@pytest.mark.long
def test_another_space_under_the_same_name_is_refused_with_the_difference(line: CommandLine) -> None:
    line("-m", *QUIET, "hydra.sweeper.study_name=mine", "lora.rank=2,4")
    refused = line("-m", *QUIET, "hydra.sweeper.study_name=mine", "lora.rank=2,8", code=1)
    assert "lora.rank: was choice(2, 4), is choice(2, 8)" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.long
@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["lora.rnak=2,4"], "did you mean 'rank'"),
        (["lora=r8,r17"], "did you mean 'r16'"),
        (["lora.rank=2,4", "hydra.sweeper.storage=sqlite:////nowhere/study.db"], "cannot be used"),
        (["lora.rank=2,4", "hydra/launcher=local", "hydra.launcher.cores_per_job=4096"], "this process may use"),
    ],
)
def test_mistakes_are_found_before_any_training(line: CommandLine, overrides: list[str], said: str) -> None:
    refused = line("-m", *QUIET, *overrides, code=1)
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not list(line.outputs.glob("*/trial_*"))


@pytest.mark.long
def test_a_failed_trial_does_not_end_the_sweep(line: CommandLine) -> None:
    line("-m", *QUIET, "lora.targets=[all-linear],[q_prj],[attention]")
    trials = study_of(line.folder())["trials"]
    assert [trial["state"] for trial in trials] == ["complete", "fail", "complete"]
    assert "did you mean 'q_proj'" in trials[1]["reason"]


@pytest.mark.long
def test_too_many_failures_do(line: CommandLine) -> None:
    refused = line("-m", *QUIET, "hydra.sweeper.max_failure_rate=0", "lora.targets=[q_prj],[all-linear]", code=1)
    assert "more than hydra.sweeper.max_failure_rate=0" in refused.stderr
    assert len(study_of(line.folder())["trials"]) == 2


@pytest.mark.long
def test_arms_are_tuned_alike_confirmed_on_fresh_seeds_and_judged(line: CommandLine) -> None:
    arms = [
        *line.always,
        "experiment=head_vs_generative",
        f"data.source.name={line.rows}",
        "hydra/sweeper/sampler=random",
        "hydra.sweeper.n_trials=2",
    ]
    said = line(*arms, "hydra.sweeper.confirm={seeds:2,top_k:2}", train=False).stdout
    assert re.search(r"\[8/8\] generative/confirm_0\d{3}_seed_1001: complete, \d+ s\n", said)
    verdict = json.loads((line.folder() / "verdict.json").read_text())
    assert [arm["name"] for arm in verdict["arms"]] == ["head", "generative"]
    assert [arm["described"] for arm in verdict["arms"]] == ["head's best of 2 trials", "generative's best of 2 trials"]
    assert (verdict["metric"], verdict["pairs"][0]["margin"]) == ("accuracy", 0.03)
    for arm in ("head", "generative"):
        found = study_of(line.folder() / arm)
        assert len(found["trials"]) == 2
        records = [line.record(path) for path in (line.folder() / arm).iterdir() if path.is_dir()]
        fresh = {record["config"]["seed"] for record in records if record["test_reads"]}
        assert fresh == {1000, 1001}
        (tuning,) = verdict["tuning"][arm]
        assert [len(candidate["fresh"]) for candidate in tuning["candidates"]] == [2, 2]
        assert tuning["tokens"] > 0
        judged = {Path(run["folder"]).name for run in verdict["runs"][arm]}
        assert judged == {f"confirm_{tuning['judged']:04d}_seed_{seed}" for seed in (1000, 1001)}
    page = Page((line.folder() / "report.html").read_text())
    refuse_requests(page, links=True)
    assert "head or generative?" in page.text
    assert "Learning curves" in page.text
    line(*arms, "hydra.sweeper.confirm={seeds:3,top_k:2}", train=False)
    looked = json.loads((line.folder() / "verdict.json").read_text())
    assert [len(look["runs"]["head"]) for look in looked["looks_taken"]] == [2, 3]
    assert looked["looks"] == 2


@pytest.mark.long
def test_repeated_tunings_speak_of_methods(line: CommandLine) -> None:
    arms = [
        *line.always,
        "experiment=head_vs_generative",
        f"data.source.name={line.rows}",
        "hydra/sweeper/sampler=random",
        "hydra.sweeper.n_trials=1",
    ]
    line(*arms, "hydra.sweeper.tunings=3", "hydra.sweeper.confirm.seeds=2", train=False)
    verdict = json.loads((line.folder() / "verdict.json").read_text())
    assert verdict["pairs"][0]["scope"] == "methods"
    assert [arm["configurations"] for arm in verdict["arms"]] == [3, 3]
    trained = [line.record(line.folder() / "head" / f"tuning_{number}" / "trial_0000") for number in (1, 2, 3)]
    assert [record["config"]["seed"] for record in trained] == [0, 1, 2]
    assert {run["seed"] for run in verdict["runs"]["head"]} == {1000, 1001, 2000, 2001, 3000, 3001}
    assert "head, tuning 2" in Page((line.folder() / "report.html").read_text()).text


@pytest.mark.long
def test_seeds_and_constraints_in_whole_runs(line: CommandLine) -> None:
    given = ["hydra.sweeper.seeds=[0,3]", "hydra.sweeper.constraints={cost.trainable_parameters:{max:2000}}"]
    line("-m", *QUIET, *given, "evaluate.test=false", "lora.rank=1,64", "hydra.sweeper.study_name=seeds")
    found = study_of(line.folder())
    assert [trial["feasible"] for trial in found["trials"]] == [True, False]
    assert "cost.trainable_parameters is" in found["trials"][1]["reason"]
    assert found["best"] == [0]
    first = found["trials"][0]
    assert first["runs"] == ["trial_0000/seed_0", "trial_0000/seed_3"]
    records = [line.record(line.folder() / folder) for folder in first["runs"]]
    assert [record["config"]["seed"] for record in records] == [0, 3]
    assert first["values"] == pytest.approx([sum(record["objective"]["value"] for record in records) / 2])


@pytest.mark.long
def test_several_objectives_are_pruned_by_the_metric(line: CommandLine) -> None:
    objectives = "hydra.sweeper.objective=[cost.seconds.train,metrics.validation.macro_f1]"
    pruner = ["hydra/sweeper/pruner=threshold", "hydra.sweeper.pruner.lower=0.5"]
    slow = ["train.epochs=8", "train.evaluate_every=4", "evaluate.test=false"]
    done = line("-m", *QUIET, objectives, *pruner, *slow, "train.learning_rate=1e-5,1e-2")
    trials = study_of(line.folder())["trials"]
    assert [trial["state"] for trial in trials] == ["pruned", "complete"]
    assert trials[0]["reason"].startswith("ThresholdPruner at step")
    assert len(trials[1]["values"]) == 2
    assert "[1/2] trial 0: pruned" in done.stdout
