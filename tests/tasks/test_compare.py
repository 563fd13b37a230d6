"""``task=compare`` over folders of finished runs: a verdict, or one clear message."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headtohead.config import CompareConfig
from headtohead.errors import UserError
from headtohead.labels import LabelKind
from headtohead.results import Predictions, read_predictions, read_record, write_predictions, write_record
from headtohead.tasks.compare import compare_runs
from made_up_arms import noisy_runs
from reporting.made_up_runs import made_up_predictions, made_up_record, write_run
from reporting.made_up_sweeps import sweep_with_arms

ROOT = Path(__file__).parents[2]


def write_arm(
    root: Path, name: str, *, noise: float, runs: int = 3, rank: int = 16, kind: LabelKind = "single", **given: Any
) -> list[Path]:
    """Write finished runs of one configuration, which differ in their seeds, on rows that all arms share."""
    splits = {split: made_up_predictions(kind, split, 120, seed=7) for split in ("validation", "test")}
    folders = []
    for seed in range(runs):
        answered = {
            split: noisy_runs(rows, 1, noise=noise, seed=1000 * rank + 10 * seed + len(split))[0]
            for split, rows in splits.items()
        }
        if kind not in RECORDS:  # what a record says of its own metrics is not read
            RECORDS[kind] = made_up_record(kind, answered)
        record = RECORDS[kind]
        config = record.config | {"seed": seed, "lora": {"kind": "lora", "rank": rank}}
        folder = root / f"{name}-{seed}"
        write_run(folder, replace(record, config=config, **given), kept(answered, given))
        folders.append(folder)
    return folders


RECORDS: dict[str, Any] = {}


def kept(answered: dict[str, Predictions], given: dict[str, Any]) -> dict[str, Predictions]:
    return {"validation": answered["validation"]} if given.get("test_reads") == 0 else answered


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    root = tmp_path / "runs"
    write_arm(root, "good", noise=0.3)
    write_arm(root, "poor", noise=4.0, rank=4)
    return root


def compare(runs: Path, **given: Any) -> dict[str, Any]:
    arms = given.pop("arms", {"good": ["good-*"], "poor": ["poor-*"]})
    absolute = {name: [str(runs / entry) for entry in entries] for name, entries in arms.items()}
    folder = runs.parent / "verdict"
    compare_runs(CompareConfig(arms=absolute, **given), folder)
    found: dict[str, Any] = json.loads((folder / "verdict.json").read_text())
    return found


def test_a_verdict_is_written_and_printed(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = compare(runs, margin={"macro_f1": 0.05})
    assert found["metric"] == "macro_f1"
    assert found["pairs"][0]["direction"] == "good"
    assert found["pairs"][0]["scope"] == "configurations"
    assert found["pairs"][0]["equivalent"] == "not_shown"
    assert (found["schema_version"], found["level"]) == (2, 0.05)
    assert found["varied"] == {"good": ["seed"], "poor": ["seed"]}
    assert [run["seed"] for run in found["runs"]["poor"]] == [0, 1, 2]
    assert found["pareto"]["train_seconds"] == ["good"]
    shown = " ".join(capsys.readouterr().out.split())
    assert "good is better than poor" in shown
    assert "verdict.json" in shown
    rarest = found["smallest_label"]
    assert f"smallest label {rarest['name']}: {rarest['rows']} rows" in shown


def scored_on(folder: Path, *splits: str) -> None:
    """Let a run have scored its test rows as further test splits too."""
    stored = folder / "predictions.parquet"
    rows = read_predictions(stored).of_split("test")
    together = {
        name: np.concatenate([getattr(rows, name)] * len(splits))
        for name in ("row_id", "text_hash", "group", "tokens", "truncated", "gold", "scores")
    }
    write_predictions(stored, replace(rows, **together, split=np.repeat(np.array(splits, dtype=object), len(rows))))


@pytest.mark.parametrize(("looks", "share"), [(1, "compare.looks=3"), (3, "")])
def test_other_test_sets_of_the_runs_are_named_with_their_share(runs: Path, looks: int, share: str) -> None:
    for folder in runs.iterdir():
        scored_on(folder, "test", "mail", "news", *(["notes"] if "good" in folder.name else []))
    (said,) = [each for each in compare(runs, looks=looks)["sentences"] if "scored on mail, news too" in each]
    assert "each test set has a verdict of its own (compare.split)" in said
    assert share in said
    assert ("compare.looks" in said) == bool(share)
    assert compare(runs, split="news", looks=3)["looks"] == 3


def test_one_test_set_needs_no_share(runs: Path) -> None:
    assert not any("each test set" in said for said in compare(runs)["sentences"])


def test_folders_and_globs_may_name_a_run_twice(runs: Path) -> None:
    once = compare(runs, metric="accuracy", arms={"good": ["good-[0-9]"], "poor": ["poor-0", "poor-1", "poor-2"]})
    assert once["metric"] == "accuracy"
    assert [arm["runs"] for arm in once["arms"]] == [3, 3]


def test_configurations_of_one_arm_are_told_apart(runs: Path) -> None:
    write_arm(runs, "third", noise=1.0, rank=64)
    found = compare(runs, arms={"some": ["good-*", "third-*"], "poor": ["poor-*"]})
    assert [arm["configurations"] for arm in found["arms"]] == [2, 1]
    assert found["pairs"][0]["scope"] == "configurations"


@pytest.mark.slow
def test_tunings_speak_of_methods(runs: Path) -> None:
    for arm, noise in (("a", 0.3), ("b", 0.5)):
        for tuning in range(3):
            write_arm(runs, f"{arm}{tuning}", noise=noise, runs=2, rank=10 * tuning + ord(arm))
    arms = {arm: [f"{arm}{tuning}-*" for tuning in range(3)] for arm in "ab"}
    assert compare(runs, arms=arms, entries="tunings")["pairs"][0]["scope"] == "methods"
    assert compare(runs, arms=arms)["pairs"][0]["scope"] == "configurations"
    mixed = {"a": ["a0-*", "a[12]-*"], "b": arms["b"]}
    with pytest.raises(UserError, match="share one configuration"):
        compare(runs, arms=mixed, entries="tunings")


@pytest.mark.slow
def test_runs_added_after_a_verdict_make_another_look(runs: Path) -> None:
    first = compare(runs)
    again = compare(runs)
    assert [first["looks"], again["looks"]] == [1, 1]
    assert again["looks_taken"] == first["looks_taken"]
    assert again["pairs"] == first["pairs"]
    write_arm(runs, "good", noise=0.3, runs=5)
    second = compare(runs)
    assert second["looks"] == 2
    assert [look["level"] for look in second["looks_taken"]] == [0.05, 0.025]
    assert [len(look["runs"]["good"]) for look in second["looks_taken"]] == [3, 5]
    assert "This is look 2 at this comparison" in second["sentences"][-1]
    assert "a chance of at most 7.5 %" in second["sentences"][-1]
    assert "97.5 % interval" in second["sentences"][0]


@pytest.mark.slow
def test_another_question_of_the_same_runs_is_another_look(runs: Path) -> None:
    compare(runs)
    second = compare(runs, margin={"accuracy": 0.5})
    assert [look["level"] for look in second["looks_taken"]] == [0.05, 0.025]
    assert compare(runs, margin={"accuracy": 0.5})["looks_taken"] == second["looks_taken"]
    assert compare(runs)["looks_taken"] == second["looks_taken"]  # nothing that was not asked before


@pytest.mark.slow
def test_planned_looks_share_the_error_rate(runs: Path) -> None:
    assert [look["level"] for look in compare(runs, looks=2)["looks_taken"]] == [0.025]
    write_arm(runs, "good", noise=0.3, runs=5)
    second = compare(runs, looks=2)
    assert [look["level"] for look in second["looks_taken"]] == [0.025, 0.025]
    assert "a chance of at most 5 %" in second["sentences"][-1]


def test_an_earlier_verdict_that_cannot_be_read_is_not_forgotten(runs: Path) -> None:
    compare(runs)
    (runs.parent / "verdict" / "verdict.json").write_text("{}")
    with pytest.raises(UserError, match="its look cannot be counted"):
        compare(runs)


@pytest.mark.slow
def test_confirming_runs_say_how_they_were_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arms = {"head": 0.5, "generative": 2.0}
    root = sweep_with_arms(tmp_path / "sweep", arms, rows=60)
    entries = {arm: [str(root / arm / "confirm_*")] for arm in arms}
    stored = json.loads((root / "head" / "study.json").read_text())
    (root / "head" / "study.json").write_text(json.dumps(stored | {"ends_of_ranges": {"train.[rate]": "lowest"}}))
    compare_runs(CompareConfig(arms=entries), tmp_path / "again")
    found = json.loads((tmp_path / "again" / "verdict.json").read_text())
    assert "head's best of 16 trials" in found["sentences"][0]
    (tuning,) = found["tuning"]["head"]
    assert tuning["trials"] == 16
    assert tuning["tokens"] == 13 * 80_000 + 3 * 31_000
    assert tuning["inflation"]["inflation"] == pytest.approx(0.015 - 0.006)
    assert tuning["expected_best"][0] is None  # the one trial could be the failed one
    assert tuning["expected_best"][-1] == pytest.approx(tuning["inflation"]["chosen"])
    terminal, page = capsys.readouterr().out, (tmp_path / "again" / "report.html").read_text()
    assert "tuning, scored on validation rows" in terminal
    for shown in (" ".join(terminal.split()), page):
        assert "head: its best train.[rate] is the lowest that was tried" in shown
        assert "generative: its best" not in shown


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"arms": {"good": ["good-*"], "poor": ["missing-*"]}}, "compare.arms.poor: "),
        ({"arms": {"good": ["good-*"], "poor": ["."]}}, "names no run (1 matches, none of them a run folder)"),
        ({"arms": {"good": ["good-*"], "poor": ["poor-*", "good-0"]}}, "is in arms 'good' and 'poor'"),
        ({"arms": {"good": ["good-*", "good-0"], "poor": ["poor-*"]}}, "is in two entries of arm 'good'"),
        ({"metric": "mae"}, "compare.metric=mae is not defined for these single-label runs"),
        ({"metric": "f1"}, "did you mean 'macro_f1'"),
        ({"margin": {"mae": 0.1}}, "compare.margin=mae is not defined"),
        ({"split": "other"}, "has no predictions of the other split, only of test, validation"),
    ],
)
def test_mistakes(runs: Path, given: dict[str, Any], said: str) -> None:
    refused(runs, said, **given)


def refused(runs: Path, said: str, **given: Any) -> None:
    with pytest.raises(UserError) as caught:
        compare(runs, **given)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (runs.parent / "verdict").exists()


def test_an_unfinished_run(runs: Path) -> None:
    write_arm(runs, "half", noise=1.0, rank=2, status="interrupted")
    refused(runs, "is not finished (status interrupted)", arms={"good": ["good-*"], "half": ["half-*"]})


def test_a_run_that_never_read_the_test_split(runs: Path) -> None:
    write_arm(runs, "trial", noise=1.0, rank=2, test_reads=0)
    refused(runs, "evaluate.test=true", arms={"good": ["good-*"], "trial": ["trial-*"]})


def test_other_rows(runs: Path) -> None:
    rows = made_up_predictions("single", "test", 120, seed=7)
    text = rows.text_hash.copy()
    text[3] = "changed"
    folder = write_arm(runs, "moved", noise=1.0, rank=2, runs=1)[0]
    write_run(folder, RECORDS["single"], {"test": replace(rows, text_hash=text)})
    refused(runs, "1 of 120 rows have other texts", arms={"good": ["good-*"], "moved": ["moved-*"]})
    refused(runs, f"run 1 of arm 'moved' ({folder}) and", arms={"good": ["good-*"], "moved": ["moved-*"]})


def test_a_metric_that_one_run_lacks_is_said_with_its_folder(runs: Path) -> None:
    for folder in [*runs.glob("good-*"), *runs.glob("poor-*")]:
        rows = read_predictions(folder / "predictions.parquet").of_split("test")
        gold = np.zeros(len(rows), dtype=int)
        scores = np.tile(np.log([0.97] + [0.03 / (len(rows.labels) - 1)] * (len(rows.labels) - 1)), (len(rows), 1))
        constant = folder.name == "poor-1"
        write_predictions(
            folder / "predictions.parquet", replace(rows, gold=gold, scores=scores if constant else rows.scores)
        )
    said = f"cohen_kappa is not compared: it is undefined for run 2 of arm 'poor' ({runs / 'poor-1'}) on these rows."
    assert said in compare(runs, metric="accuracy")["sentences"]
    refused_here = f"cohen_kappa is undefined for run 2 of arm 'poor' ({runs / 'poor-1'}) on these rows"
    with pytest.raises(UserError) as caught:
        compare(runs, metric="kappa")
    assert refused_here in str(caught.value)


def test_a_repetition_is_no_evidence(runs: Path) -> None:
    record = replace(RECORDS["single"], config=RECORDS["single"].config | {"lora": {"kind": "lora", "rank": 16}})
    write_arm(runs, "copy", noise=0.3, runs=1)
    write_record(runs / "copy-0" / "result.json", record)
    refused(runs, "a repetition is no evidence", arms={"good": ["good-*", "copy-0"], "poor": ["poor-*"]})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"alpha": 1.0}, r"compare\.alpha"),
        ({"looks": 0}, r"compare\.looks"),
        ({"margin": {"mae": 0.0}}, r"compare\.margin\.mae must be positive"),
        ({"arms": {"a": []}}, r"compare\.arms\.a is empty"),
        ({"split": "validation"}, "validation tunes, test reports"),
        ({"entries": "trials"}, "compare.entries='trials' is unknown"),
    ],
)
def test_settings_out_of_range(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        CompareConfig(**given)


@pytest.mark.slow  # a process
def test_the_command_line(runs: Path) -> None:
    arms = f"+compare.arms={{good: ['{runs}/good-*'], poor: ['{runs}/poor-*']}}"
    command = [sys.executable, "run.py", "task=compare", f"paths.outputs={runs.parent / 'outputs'}"]
    environment = {**os.environ, "COLUMNS": "160"}

    def run(*overrides: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *overrides], cwd=ROOT, capture_output=True, text=True, env=environment)

    done = run(arms, "+compare.margin={macro_f1: 0.05}")
    assert done.returncode == 0, done.stderr
    assert "good is better than poor" in done.stdout
    (written,) = (runs.parent / "outputs").glob("compare-*/verdict.json")
    assert json.loads(written.read_text())["rows"] == 120
    again = run(arms, "compare.pairing=seeds")  # another question about the same runs: counted where the first one lies
    assert "This is look 2 at this comparison" in " ".join(again.stdout.split()), again.stderr
    assert json.loads(written.read_text())["looks"] == 2
    refused_run = run()
    assert refused_run.returncode == 1
    assert "UserError: task=compare needs two arms or more" in refused_run.stderr
    assert "Traceback" not in refused_run.stderr
    assert not list((runs.parent / "outputs").rglob("result.json"))


def test_the_made_up_arms_differ() -> None:
    """The fixture's arms do differ: else the verdicts above would show nothing."""
    rows = made_up_predictions("single", "test", 120, seed=7)
    good, poor = (np.mean(noisy_runs(rows, 1, noise=noise)[0].predicted == rows.gold) for noise in (0.3, 4.0))
    assert good > poor + 0.1


def drawn(root: Path, name: str, draws: list[tuple[int, int]], *, noise: float, rank: int, **given: Any) -> None:
    """Write an arm whose runs have a ``seed`` and a ``data.seed``, each data seed another training sample."""
    data = {"training_sample": {"drawn_from": 900}, "rows": {"train": 60}}
    for (seed, data_seed), folder in zip(
        draws, write_arm(root, name, noise=noise, runs=len(draws), rank=rank), strict=True
    ):
        record = read_record(folder / "result.json")
        config = record.config | {"seed": seed, "data": {**(record.config.get("data") or {}), "seed": data_seed}}
        found = {**data, "training_sample": {"drawn_from": 900, "hash": given.get("hash", f"sample {data_seed}")}}
        write_record(folder / "result.json", replace(record, config=config, data=record.data | found))


GRID = [(seed, data_seed) for data_seed in (0, 1, 2) for seed in (0, 1, 2)]


def test_a_grid_of_seeds_and_data_seeds_is_judged_by_training_sample(tmp_path: Path) -> None:
    drawn(tmp_path / "runs", "good", GRID, noise=0.3, rank=16)
    drawn(tmp_path / "runs", "poor", GRID, noise=4.0, rank=4)
    found = compare(tmp_path / "runs")
    assert [(arm["runs"], arm["draws"], arm["configurations"]) for arm in found["arms"]] == [(9, 3, 1)] * 2
    assert found["arms"][0]["sampling"] == {
        "samples": 3,
        "rows": 60,
        "drawn_from": 900,
        "luck_in_interval": True,
        "varied": ["seed", "data.seed"],
    }
    assert found["pairs"][0]["degrees_of_freedom"] >= 2


def test_data_seeds_that_draw_the_same_rows_are_one_training_sample(tmp_path: Path) -> None:
    drawn(tmp_path / "runs", "good", GRID, noise=0.3, rank=16, hash="all")
    drawn(tmp_path / "runs", "poor", GRID, noise=4.0, rank=4, hash="all")
    found = compare(tmp_path / "runs")
    assert [(arm["draws"], arm["sampling"]["samples"]) for arm in found["arms"]] == [(9, 1)] * 2
    assert not found["arms"][0]["sampling"]["luck_in_interval"]


def test_runs_older_than_the_hash_of_their_rows_are_told_apart_by_data_seeds(tmp_path: Path) -> None:
    drawn(tmp_path / "runs", "good", GRID, noise=0.3, rank=16)
    drawn(tmp_path / "runs", "poor", GRID, noise=4.0, rank=4)
    old = tmp_path / "runs" / "good-0" / "result.json"
    record = read_record(old)
    write_record(old, replace(record, data={"rows": {"train": 60}}))
    assert [arm["draws"] for arm in compare(tmp_path / "runs")["arms"]] == [3, 3]


def test_pairing_is_said_and_another_pairing_is_another_look(runs: Path) -> None:
    plain = compare(runs)
    assert (plain["pairing"], plain["looks"]) == ("none", 1)
    assert "pairing" not in plain["looks_taken"][0]["asked"]  # earlier looks are still known
    paired = compare(runs, pairing="seeds")
    assert (paired["pairing"], paired["looks"]) == ("seeds", 2)
    assert "Runs of the same seeds were paired" in paired["sentences"][0]
    again = compare(runs, pairing="seeds")
    assert again["looks"] == 2
    assert compare(runs)["looks"] == 2  # going back asks nothing new


def test_seeds_that_cannot_be_paired_are_refused_and_count_no_look(runs: Path) -> None:
    with pytest.raises(UserError, match="b has none of seed=2"):
        compare(runs, arms={"a": ["good-*"], "b": ["poor-0", "poor-1"]}, pairing="seeds")
    assert not (runs.parent / "verdict" / "verdict.json").exists()


def test_folds_are_not_paired_by_seed(runs: Path) -> None:
    for fold, folder in enumerate(sorted(runs.glob("*-*"))):
        record = read_record(folder / "result.json")
        split = {"split": {"folds": 3, "fold": fold % 3, "repeat": 0}}
        write_record(folder / "result.json", replace(record, config=record.config | {"data": split}))
    with pytest.raises(UserError, match=r"set compare\.pairing=none"):
        compare(runs, pairing="seeds")


@pytest.mark.parametrize("pairing", ["seed", "", "runs"])
def test_other_pairings_are_refused(pairing: str) -> None:
    with pytest.raises(UserError, match=r"compare\.pairing"):
        CompareConfig(pairing=pairing)


def test_data_seeds_that_cut_other_test_rows_are_refused_with_what_keeps_them(runs: Path) -> None:
    moved = runs / "poor-1"
    record = read_record(moved / "result.json")
    write_record(moved / "result.json", replace(record, config=record.config | {"data": {"seed": 5, "split": {}}}))
    predictions = read_predictions(moved / "predictions.parquet")
    other = replace(predictions, row_id=np.array([f"other {row}" for row in predictions.row_id]))
    write_predictions(moved / "predictions.parquet", other)
    with pytest.raises(UserError, match=r"data\.split\.seed=0 keeps them"):
        compare(runs)
