"""Repeated cross-validation from the command line: one command, one figure, verdicts, and no fold that is best."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from command_line import CommandLine, write_rows
from headtohead.comparisons.finished_run import load_run
from headtohead.errors import UserError
from headtohead.results import read_predictions, winner_of
from headtohead.tasks.compare import called

pytestmark = pytest.mark.slow  # whole runs

QUICK = ["model=tfidf", "evaluate.baselines=false", "evaluate.resamples=100", "export.form=none"]
FOLDS = ["data.split.folds=3", "data.split.repeats=2"]
FEWER = "data.subset.train=9"


@pytest.fixture
def line(tmp_path: Path, cache: Path) -> CommandLine:
    return CommandLine(tmp_path / "outputs", cache, write_rows(tmp_path / "rows.jsonl", count=30))


def stored(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / name).read_text())
    return found


def made(line: CommandLine, *given: str) -> tuple[Path, str]:
    """Run a sweep and return its folder and what it said."""
    before = set(line.outputs.glob("*")) if line.outputs.exists() else set()
    said = line("-m", *QUICK, *given).stdout
    (folder,) = set(line.outputs.glob("*")) - before
    return folder, said


def mislabel(rows: Path, numbers: Sequence[int]) -> None:
    """Give these rows the label of the row before, which no model can learn."""
    table = [json.loads(line) for line in rows.read_text().splitlines()]
    for number in numbers:
        table[number]["label"] = table[number - 1]["label"]
    rows.write_text("".join(json.dumps(row) + "\n" for row in table))


def test_a_small_set_is_told(line: CommandLine, capsys: pytest.CaptureFixture[str]):
    line.here(*QUICK)
    told = "-m data.split.folds=5 data.split.repeats=3"
    assert told in capsys.readouterr().out
    assert told.removeprefix("-m ") in Path(__file__).parents[2].joinpath("README.md").read_text()
    line.here(*QUICK, "data.split.test=0")  # measures nothing, so that no split of it can be a matter of luck
    assert told not in capsys.readouterr().out


def test_one_fold_by_itself_says_what_it_is(line: CommandLine, capsys: pytest.CaptureFixture[str]):
    line.here(*QUICK, *FOLDS)
    said = capsys.readouterr().out
    assert "fold 0 of 3 alone" in said
    assert "-m data.split.folds=3 data.split.repeats=2" in said


def test_one_command_gives_a_mean_an_interval_and_every_fold(line: CommandLine):
    mislabel(line.rows, (1, 12))
    sweep, said = made(line, *FOLDS)
    (average,) = stored(sweep, "study.json")["averages"]
    assert (len(average["runs"]), average["rows"]) == (6, 30)
    assert len(average["per_run"]["macro_f1"]) == 6
    assert sum(map(sum, average["confusion"]["counts"])) == 60
    runs = [read_predictions(sweep / run / "predictions.parquet").of_split("test") for run in average["runs"]]
    right = sum(int((run.predicted == run.gold).sum()) for run in runs)
    found = average["metrics"]["accuracy"]
    assert found["value"] == pytest.approx(right / 60)
    assert found["low"] < found["value"] < found["high"] <= 1
    beside = stored(sweep, "baselines.json")["splits"]["test"]
    assert beside["best"] == pytest.approx(average["metrics"]["macro_f1"]["value"])  # one figure, wherever it is shown
    assert beside["baselines"]["tfidf"]["macro_f1"] == pytest.approx(beside["best"])  # the model is TF-IDF
    assert called([load_run(sweep / run, "test") for run in average["runs"]]) == average["names"]
    assert "mean over 3 folds x 2 repetitions" in said
    assert "repeat 1 fold 2" in said
    page = (sweep / "report.html").read_text()
    assert "Mean over runs" in page
    assert "No run is the best one" in page
    assert "Confusion matrix" in page


def test_predictions_without_an_error_have_a_mean_and_no_interval(line: CommandLine):
    sweep, said = made(line, *FOLDS)
    (average,) = stored(sweep, "study.json")["averages"]
    assert average["metrics"]["accuracy"] == {"value": 1.0, "low": None, "high": None}
    assert re.search(r" 1 +- +1 +1 ", said)


def test_data_seeds_that_move_the_test_rows_are_told_how_to_keep_them(line: CommandLine):
    sweep, said = made(line, "seed=0,1", "data.seed=0,1")
    (average,) = stored(sweep, "study.json")["averages"]
    assert average["rows_of_run"] < average["rows"]
    assert f"{average['rows']} test rows in all, {average['rows_of_run']} in a run, mean over" in said
    assert "data.split.seed=0 keeps them" in " ".join(said.split())
    kept, said = made(line, "seed=0,1", "data.seed=0,1", "data.split.seed=0", FEWER)
    (average,) = stored(kept, "study.json")["averages"]
    assert average["rows_of_run"] == average["rows"]
    assert not average["why"]


def test_the_runs_of_a_repetition_test_every_row_once_however_they_are_written(line: CommandLine):
    long, _ = made(line, "data.split.folds=3", "data.split.fold=range(3)", "data.split.repeat=range(2)")
    short, _ = made(line, *FOLDS)
    for sweep in (long, short):
        tested: dict[int, list[str]] = {0: [], 1: []}
        for path in sweep.rglob("predictions.parquet"):
            split = line.record(path.parent)["config"]["data"]["split"]
            tested[split["repeat"]] += read_predictions(path).of_split("test").row_id.tolist()
        for rows in tested.values():
            assert sorted(rows) == sorted(f"rows.jsonl:{n}" for n in range(1, 31))
    one, other = (stored(sweep, "study.json")["averages"][0]["metrics"] for sweep in (long, short))
    assert one == other


def test_no_fold_is_a_model_and_the_line_that_makes_one_runs_as_printed(line: CommandLine):
    sweep, said = made(line, *FOLDS)
    assert "no fold is a model to use" in said
    with pytest.raises(UserError, match="is a cross-validation"):
        winner_of(sweep)
    command = stored(sweep, "study.json")["best_command"]
    assert "data.split.fold" not in command
    line.as_typed(command.split()[2:])
    (model,) = [path.parent for path in line.outputs.glob("*/result.json")]
    record = line.record(model)
    assert record["data"]["rows"] == {"train": 27, "validation": 3}
    assert winner_of(model) == model


def test_two_sweeps_of_folds_are_compared_and_missing_folds_are_named(line: CommandLine, tmp_path: Path):
    one, _ = made(line, *FOLDS)
    other, _ = made(line, *FOLDS, FEWER)
    arms = f"+compare.arms={{all: ['{one}'], fewer: ['{other}/trial_0000/*']}}"
    said = line("task=compare", arms, "compare.metric=accuracy", train=False).stdout
    (folder,) = line.outputs.glob("compare-*")
    verdict = stored(folder, "verdict.json")
    (pair,) = verdict["pairs"]
    assert (pair["scope"], verdict["rows"]) == ("folds", 30)
    assert [arm["plan"]["repetitions"] for arm in verdict["arms"]] == [2, 2]
    assert "(all) and about 9 (fewer) rows of this kind" in verdict["sentences"][0]
    assert f"page: {folder / 'report.html'}" in said
    assert (folder / "report.html").exists()
    shutil.copytree(other / "trial_0000", tmp_path / "moved")
    for gone in ("repeat_0_fold_1", "repeat_1_fold_0", "repeat_1_fold_2"):
        shutil.rmtree(tmp_path / "moved" / gone)
    arms = f"+compare.arms={{all: ['{one}'], fewer: ['{tmp_path}/moved/*']}}"
    said = line("task=compare", arms, train=False, code=1).stderr
    assert "3 of 6 folds are there; missing: repetition 0 fold 1, repetition 1 fold 0, repetition 1 fold 2" in said
    commands = [text.split() for text in said.splitlines() if text.startswith("    ")]
    assert [command[-2:] for command in commands] == [
        ["data.split.repeat=0", "data.split.fold=1"],
        ["data.split.repeat=1", "data.split.fold=0,2"],
    ]
    line.as_typed(commands[0][2:])  # as printed
    arms = f"+compare.arms={{all: ['{one}/trial_0000/repeat_0_*'], fewer: ['{other}/trial_0000/repeat_0_fold_[01]']}}"
    said = line("task=compare", arms, train=False, code=1).stderr
    assert f"give '{other}/trial_0000/*'" in said


def test_arms_go_straight_to_their_folds_and_get_a_verdict_and_a_page(line: CommandLine):
    sweep, said = made(line, *FOLDS, f"+hydra.sweeper.arms={{all: ['data.subset.train=null'], fewer: ['{FEWER}']}}")
    assert "cross-validation, all: 6 runs; fewer: 6 runs" in said
    assert len(list(sweep.rglob("result.json"))) == 12
    verdict = stored(sweep, "verdict.json")
    assert verdict["pairs"][0]["scope"] == "folds"
    assert [arm["runs"] for arm in verdict["arms"]] == [6, 6]
    page = (sweep / "report.html").read_text()
    assert page.count("No run is the best one") == 2
    with pytest.raises(UserError, match="is a cross-validation"):
        winner_of(sweep)


def test_what_an_arm_tunes_is_tuned_within_every_fold(line: CommandLine):
    params = "{data.subset.train: 'choice(9,12)'}"
    arms = (
        f"+hydra.sweeper.arms={{few: {{params: {params}}}, many: {{params: {{data.subset.train: 'choice(15,18)'}}}}}}"
    )
    sweep, said = made(line, "data.split.folds=3", arms)
    assert "few: 3 folds x (2 runs to tune and 1 to test) = 9 runs" in said
    assert "tuned by itself, since other folds test the rows that it would be tuned on" in said
    tested = [path.parent for path in sweep.glob("few/repeat_*/confirm_*/result.json")]
    assert len(tested) == 3
    for run in tested:
        fold = run.parent
        chosen = stored(fold, "study.json")["best"]
        assert run.name.startswith(f"confirm_{chosen[0]:04d}_")
        trials = [line.record(path.parent) for path in fold.glob("trial_*/result.json")]
        assert {trial["config"]["data"]["split"]["fold"] for trial in trials} == {int(fold.name[-1])}
        assert not any("test" in trial["metrics"] for trial in trials)
    verdict = stored(sweep, "verdict.json")
    assert "tuning and training in these ways" in verdict["sentences"][0]
    assert [arm["trials"] for arm in verdict["arms"]] == [2, 2]
    assert "tuned within every fold" in (sweep / "report.html").read_text()


def test_seeds_of_a_grid_are_averaged_and_none_is_best(line: CommandLine):
    sweep, said = made(line, "seed=0,1", "data.subset.train=9,18")
    study = stored(sweep, "study.json")
    assert [trial["params"] for trial in study["trials"]] == [{"data.subset.train": 9}, {"data.subset.train": 18}]
    assert [len(average["runs"]) for average in study["averages"]] == [2, 2]
    assert "mean over 2 seeds" in said
    assert "seed=" not in study["best_command"]


def test_seeds_that_cut_other_splits_have_a_mean_and_no_interval(line: CommandLine):
    sweep, said = made(line, "data.seed=0,1")
    (average,) = stored(sweep, "study.json")["averages"]
    assert average["metrics"] == {}
    assert "no interval: " in said
    assert len(average["per_run"]["macro_f1"]) == 2
