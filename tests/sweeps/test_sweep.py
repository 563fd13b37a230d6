"""Sweeps as a user runs them: in processes of their own, on tiny models."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from command_line import CommandLine, write_rows
from headtohead.results import winner_of
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
    assert found["space"]["prompt.template"] == 'choice("{text}, it says: ", "{text}")'
    record = line.record(line.folder() / "trial_0002")
    assert record["config"]["prompt"]["template"] == "{text}, it says: "
    assert "test" in record["metrics"]
    assert record["trial"] == {"study": found["study"], "number": 2, "attempt": 1}
    assert found["best_command"].startswith("python run.py ")
    assert "4 completed" in Page((line.folder() / "report.html").read_text()).text
    refuse_requests(Page((line.folder() / "report.html").read_text()), links=True)
    (script,) = line.folder().rglob("plotly-*.js")
    assert script.parent == line.folder()
    for page in (line.folder() / f"trial_000{number}" / "report.html" for number in range(4)):
        assert f'src="../{script.name}"' in page.read_text()
        assert page.stat().st_size < 500_000
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
        (["lora.targets=[all-linear],[q_prj]"], "did you mean 'q_proj'"),
        (["prompt.max_tokens=64,100000"], "can place"),
        (["lora.rank=2,4", "data.source.name=nowhere.jsonl"], "nowhere.jsonl"),
        (["lora.rank=2,4", "hydra/sweeper/pruner=rungs", "hydra.sweeper.pruner.min_resource=5000"], "a run has"),
        (["lora.rank=2,4", "hydra.sweeper.storage=sqlite:////nowhere/study.db"], "cannot be used"),
        (["lora.rank=2,4", "hydra/launcher=local", "hydra.launcher.cores_per_job=4096"], "this process may use"),
    ],
)
def test_mistakes_are_found_before_any_training(line: CommandLine, overrides: list[str], said: str) -> None:
    refused = line("-m", *QUIET, *overrides, code=1)
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not list(line.outputs.glob("*/trial_*"))


def commands_in(said: str) -> list[list[str]]:
    """Return the commands that a sweep printed, as a shell would read them."""
    return [shlex.split(line[line.index("python run.py") :]) for line in said.splitlines() if "python run.py" in line]


@pytest.mark.long
def test_every_command_that_a_sweep_prints_runs_as_printed(line: CommandLine) -> None:
    """With a choice, text with quotes and commas in it, and what tuning alone leaves out."""
    given = ["lora=r8,r16", "prompt.template='{text}, \\'so\\' it = says: '", "hydra/launcher=local"]
    said = line("-m", "evaluate.resamples=100", "hydra/sweeper/sampler=random", "hydra.sweeper.n_trials=2", *given)
    sweep = line.folder()
    commands = commands_in(said.stdout)
    assert len(commands) == 4  # the best again, and for its run: new texts, the test rows, an export
    for command in commands:
        assert not {"evaluate.test=false", "export.form=none"} & set(command)
        line.as_typed(command[2:])
    (alone,) = [path for path in line.outputs.iterdir() if path != sweep]
    best = line.record(sweep / study_of(sweep)["trials"][study_of(sweep)["best"][0]]["folder"])
    typed = line.record(alone)
    assert typed["config"]["lora"] == best["config"]["lora"]
    assert typed["config"]["prompt"] == best["config"]["prompt"]
    assert typed["objective"] == best["objective"]
    assert "test" in typed["metrics"]
    assert typed["export"]["status"] == "passed"


@pytest.mark.long
def test_the_commands_of_arms_run_as_printed_and_the_sweep_is_its_winners_run(
    line: CommandLine, tmp_path: Path
) -> None:
    arms = [*line.always, "experiment=head_vs_generative", f"data.source.name={line.rows}"]
    few = ["hydra/sweeper/sampler=random", "hydra.sweeper.n_trials=1", "hydra.sweeper.confirm.seeds=2"]
    said = line(*arms, *few, train=False)
    sweep = line.folder()
    commands = commands_in(said.stdout)
    assert len(commands) == 4  # the best of each arm, and two for the winner
    for command in commands:
        line.as_typed(command[2:])
    winner = winner_of(sweep)
    assert winner.parent.parent == sweep
    assert line.record(winner)["export"]["status"] == "passed"
    trained = [path for path in line.outputs.iterdir() if path != sweep]
    assert {line.record(path)["config"]["head"]["kind"] for path in trained} == {"classification", "generative"}
    (tmp_path / "new.jsonl").write_text('{"text": "match team goal"}\n')
    files = [f"task.input={tmp_path}/new.jsonl", f"task.output={tmp_path}/out.csv"]
    line.as_typed(["task=predict", f"run={sweep}", *files])
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 2


@pytest.mark.long
def test_a_failed_trial_does_not_end_the_sweep(line: CommandLine) -> None:
    given = ["-m", *QUIET, "train.learning_rate=1e-3,1e30,2e-3"]
    said = line(*given).stdout
    assert re.search(r"3 runs, about .* by an estimate from model size, rows and this processor", said)
    assert re.search(r"\[3/3\] trial 2: complete, .*; best ", said)
    trials = study_of(line.folder())["trials"]
    assert [trial["state"] for trial in trials] == ["complete", "fail", "complete"]
    assert "diverged" in trials[1]["reason"]
    before = (line.folder() / "trial_0001" / "result.json").stat().st_mtime_ns
    line(*given)
    assert (line.folder() / "trial_0001" / "result.json").stat().st_mtime_ns == before  # it would diverge again


@pytest.mark.long
def test_too_many_failures_do(line: CommandLine) -> None:
    refused = line("-m", *QUIET, "hydra.sweeper.max_failure_rate=0", "train.learning_rate=1e30,1e-3", code=1)
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
    assert re.search(r"\[8/8\] generative/choose_0\d{3}_seed_1501: complete, validation \d\.\d{4}, \d+ s;", said)
    assert re.search(r"\[4/4\] generative/confirm_0\d{3}_seed_1001: complete, validation \d\.\d{4}, \d+ s\n", said)
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
        assert sorted(len(candidate["fresh"]) for candidate in tuning["candidates"]) == [2, 4]  # the champion's again
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
