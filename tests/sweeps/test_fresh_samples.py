"""Confirming runs that draw training samples of their own: what is refused, what is said, and what they then hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from command_line import CommandLine, write_rows
from data.made_up_files import config_of, row, write_jsonl
from headtohead.config.data import DataConfig, SplitConfig, SubsetConfig
from headtohead.data import Corpus, load_corpus
from headtohead.errors import UserError
from headtohead.sweeps.arms.arm_lists import ConfirmSettings
from headtohead.sweeps.arms.fresh_samples import costs_of_samples, refuse_odd_samples, refuse_samples_of_most
from headtohead.sweeps.space.search_space import parse_space

ROWS = 200


@pytest.fixture
def rows_file(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "rows.jsonl", [row(n) for n in range(ROWS)])


def of(rows_file: Path, tmp_path: Path, **given: Any) -> tuple[DataConfig, Corpus]:
    config = config_of(rows_file, **given)
    return config, load_corpus(config, tmp_path / "cache")


@pytest.mark.parametrize(
    ("subset", "said"),
    [
        (SubsetConfig(), "every run trains on all 140 rows"),
        (SubsetConfig(per_class=20), "every run trains on all"),  # test rows are cut from it too
        (SubsetConfig(train=140), "140 of 140 rows"),
        (SubsetConfig(train=1000), "140 of 140 rows"),
        (SubsetConfig(train=71), "71 of 140 rows"),
    ],
)
def test_samples_that_are_mostly_the_same_rows_are_refused_with_what_to_type(
    rows_file: Path, tmp_path: Path, subset: SubsetConfig, said: str
) -> None:
    config, corpus = of(rows_file, tmp_path, subset=subset)
    with pytest.raises(UserError, match=said) as refused:
        refuse_samples_of_most("a", config, corpus)
    assert "data.split.folds=5 data.split.repeats=3 instead of" in str(refused.value)


def test_what_is_told_to_set_passes(rows_file: Path, tmp_path: Path) -> None:
    config, corpus = of(rows_file, tmp_path, subset=SubsetConfig(train=70))
    refuse_samples_of_most("a", config, corpus)
    notes = [
        str(notice)
        for notice in costs_of_samples(ConfirmSettings(seeds=5, top_k=1), dict.fromkeys("ab", (config, corpus)))
    ]
    assert len(notes) == 2  # said once of arms with samples of one size
    assert "each of the 5 confirming runs of a tuning draws training rows of its own" in notes[0]
    assert "samples of 70 out of 140 rows share 50%" in notes[1]


def test_given_test_rows_leave_no_folds_and_let_balanced_samples_pass(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl", [row(n) for n in range(ROWS)])
    write_jsonl(tmp_path / "test.jsonl", [row(n) for n in range(1000, 1050)])
    files = {"train": "train.jsonl", "test": "test.jsonl"}
    config, corpus = of(tmp_path, tmp_path, files=files, subset=SubsetConfig(per_class=20))
    refuse_samples_of_most("a", config, corpus)
    config, corpus = of(tmp_path, tmp_path, files=files)
    with pytest.raises(UserError, match=r"data\.subset\.train=\d+ or less$"):
        refuse_samples_of_most("a", config, corpus)


@pytest.mark.parametrize(
    ("line", "given", "said"),
    [
        ("data.seed=0,1", {}, "which is varied too"),
        ("data.split.seed=0,1", {}, "which is varied too"),
        ("lora.rank=2,4", {"split": SplitConfig(folds=5)}, "training rows of its own already"),
        ("lora.rank=2,4", {"seed": 1000}, "tuning takes data seeds below 1000"),
    ],
)
def test_seeds_that_are_tuned_or_taken_are_refused(rows_file: Path, line: str, given: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        refuse_odd_samples({"a": config_of(rows_file, **given)}, {"a": parse_space({}, [line])})


@pytest.mark.long
def test_a_sweep_on_fresh_samples(tmp_path: Path, cache: Path) -> None:
    """Test and validation rows stay, training rows do not; pairing is possible, and the verdict has the facts."""
    line = CommandLine(tmp_path / "outputs", cache, write_rows(tmp_path / "rows.jsonl", count=120))
    arms = "+hydra.sweeper.arms={a:['train.learning_rate=1e-3'],b:['train.learning_rate=1e-2']}"
    given = ["model=tfidf", "data.subset.train=30", "hydra.sweeper.confirm={seeds:3,fresh_samples:true}"]
    said = line("-m", *given, arms, "hydra.sweeper.pairing=seeds", "evaluate.resamples=100").stdout
    assert "each of the 3 confirming runs of a tuning draws training rows of its own" in said
    found = json.loads((line.folder() / "verdict.json").read_text())
    assert found["pairing"] == "seeds"
    for arm in found["arms"]:
        assert (arm["sampling"]["samples"], arm["sampling"]["rows"], arm["sampling"]["luck_in_interval"]) == (
            3,
            30,
            True,
        )
    records = [line.record(Path(run["folder"])) for run in found["runs"]["a"]]
    assert len({record["data"]["training_sample"]["hash"] for record in records}) == 3
    assert {(r["config"]["seed"], r["config"]["data"]["seed"]) for r in records} == {(n, n) for n in (1000, 1001, 1002)}
    assert {r["config"]["data"]["split"]["seed"] for r in records} == {0}
