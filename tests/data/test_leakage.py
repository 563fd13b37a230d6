"""Texts that stand in two splits: found, accounted for, and treated as asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.made_up_files import config_of, row, write_jsonl
from headtohead.config.data import DataConfig, LabelsConfig, NearDuplicatesConfig
from headtohead.data import Corpus, load_corpus
from headtohead.errors import UserError


@pytest.fixture
def leaky(tmp_path: Path) -> DataConfig:
    """Training holds one validation text, two test texts (in other letters); validation holds one test text."""
    shout = {**row(201), "text": row(201)["text"].upper() + "  "}
    train = [*(row(n) for n in range(20)), row(100), row(200), shout]
    write_jsonl(tmp_path / "train.jsonl", train)
    write_jsonl(tmp_path / "validation.jsonl", [*(row(n) for n in range(100, 110)), row(202)])
    write_jsonl(tmp_path / "test.jsonl", [row(n) for n in range(200, 210)])
    return config_of(tmp_path, files={name: f"{name}.jsonl" for name in ("train", "validation", "test")})


def load(config: DataConfig, tmp_path: Path, leakage: str) -> Corpus:
    config.leakage = leakage
    return load_corpus(config, tmp_path / "cache")


def test_drop_takes_leaks_out_of_training_and_never_out_of_a_test_set(leaky: DataConfig, tmp_path: Path) -> None:
    corpus = load(leaky, tmp_path, "drop")
    assert corpus.ledger["rows"] == {"train": 20, "validation": 10, "test": 10}
    assert corpus.ledger["leakage"]["dropped"] == {"train": 3, "validation": 1}
    assert not set(corpus.train["text_hash"]) & {*corpus.validation["text_hash"], *corpus.tests["test"]["text_hash"]}


def test_report_keeps_them_and_names_them(leaky: DataConfig, tmp_path: Path) -> None:
    corpus = load(leaky, tmp_path, "report")
    assert corpus.ledger["rows"] == {"train": 23, "validation": 11, "test": 10}
    assert corpus.ledger["leakage"]["dropped"] == {}
    across = {(leak["split"], leak["held_out"]): leak for leak in corpus.ledger["leakage"]["across"]}
    assert {pair: leak["rows"] for pair, leak in across.items()} == {
        ("train", "validation"): 1,
        ("train", "test"): 2,
        ("validation", "test"): 1,
    }
    assert across["train", "test"]["examples"] == [
        ["train.jsonl:22", "test.jsonl:1"],
        ["train.jsonl:23", "test.jsonl:2"],
    ]


@pytest.mark.parametrize(("policy", "done"), [("drop", "left out of train, where 20 are left"), ("report", "kept")])
def test_leaks_are_told_and_many_lead(leaky: DataConfig, tmp_path: Path, policy: str, done: str) -> None:
    told = [notice for notice in load(leaky, tmp_path, policy).notices if " equal to rows of test" in notice.text]
    said = [notice.text.split(" equal to ")[0] for notice in told]
    assert said == ["2 rows of train are", "1 row of validation is"]
    assert done in told[0].text
    assert "train.jsonl:22 and test.jsonl:1" in told[0].text
    assert told[0].leads


def test_texts_of_one_pattern_that_fall_to_the_search_for_near_duplicates_are_told(tmp_path: Path) -> None:
    rows = [
        {"text": f"the quick brown fox jumps over the lazy dog again and again no {n}", "label": n % 2}
        for n in range(60)
    ]
    near = NearDuplicatesConfig(enabled=True)
    path = write_jsonl(tmp_path / "rows.jsonl", [*rows, *({"text": row(n)["text"], "label": n % 2} for n in range(60))])
    corpus = load_corpus(config_of(path, near_duplicates=near, labels=LabelsConfig()), tmp_path / "cache")
    (told,) = [notice for notice in corpus.notices if "rows of train are nearly equal to rows of test" in notice.text]
    assert told.leads
    assert told.command == "data.near_duplicates.enabled=false"
    apart = load_corpus(config_of(path, labels=LabelsConfig()), tmp_path / "cache")
    assert not any("nearly equal" in notice.text for notice in apart.notices)


def test_refuse_says_what_leaks_and_what_to_set(leaky: DataConfig, tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        load(leaky, tmp_path, "refuse")
    message = str(raised.value)
    assert "2 rows of train stand exactly in test, such as train.jsonl:22 = test.jsonl:1" in message
    assert "1 rows of validation stand exactly in test" in message
    assert "data.leakage=drop" in message


def test_clean_splits_pass_under_refuse(tmp_path: Path) -> None:
    rows = write_jsonl(tmp_path / "rows.jsonl", [row(n // 2) for n in range(60)])
    assert load(config_of(rows), tmp_path, "refuse").ledger["leakage"]["across"] == []


def test_equal_texts_with_other_labels_are_conflicts(tmp_path: Path) -> None:
    rows = [*(row(n) for n in range(30)), row(3, "even"), row(3, "even"), row(5, "odd")]
    corpus = load_corpus(config_of(write_jsonl(tmp_path / "rows.jsonl", rows)), tmp_path / "cache")
    assert corpus.ledger["duplicates"]["conflicting"]["train"] == {
        "texts": 1,
        "rows": 3,
        "examples": [{"rows": ["rows.jsonl:4", "rows.jsonl:31", "rows.jsonl:32"], "labels": ["odd", "even", "even"]}],
    }


def test_duplicates_are_dropped_where_asked_but_conflicts_stay(tmp_path: Path) -> None:
    rows = [*(row(n) for n in range(30)), row(3, "even"), row(5), row(5)]
    config = config_of(write_jsonl(tmp_path / "rows.jsonl", rows), duplicates="drop")
    corpus = load_corpus(config, tmp_path / "cache")
    assert sum(corpus.ledger["rows"].values()) == 31
    assert corpus.ledger["duplicates"]["within"]["train"]["rows"] == 3
    config.duplicates = "keep"
    assert sum(load_corpus(config, tmp_path / "cache").ledger["rows"].values()) == 33


def test_groups_that_straddle_given_splits_are_reported(tmp_path: Path) -> None:
    for position, name in enumerate(("train", "validation", "test")):
        write_jsonl(tmp_path / f"{name}.jsonl", [{**row(100 * position + n), "author": f"a{n % 4}"} for n in range(12)])
    files = {name: f"{name}.jsonl" for name in ("train", "validation", "test")}
    corpus = load_corpus(config_of(tmp_path, files=files, group="author"), tmp_path / "cache")
    assert corpus.ledger["leakage"]["groups"]["train / test"] == 12
