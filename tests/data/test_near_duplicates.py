"""Texts that are almost equal: found, checked exactly, and treated as asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data.made_up_files import config_of, row, write_jsonl
from headtohead.config.data import DataConfig, NearDuplicatesConfig, SubsetConfig
from headtohead.data import load_corpus
from headtohead.data.splits import near_duplicates
from headtohead.errors import UserError


def edited(number: int, replaced: int) -> dict[str, Any]:
    """Return a row of 60 words with the first ``replaced`` of them changed."""
    words = row(number, words=60)["text"].split()
    return {**row(number), "text": " ".join([*(f"edit{k}" for k in range(replaced)), *words[replaced:]])}


@pytest.fixture
def config(tmp_path: Path) -> DataConfig:
    """Of the test rows, training holds 300 with 3 words of 60 changed and 301 with 30 changed; validation holds 302."""
    write_jsonl(tmp_path / "train.jsonl", [*(row(n, words=60) for n in range(12)), edited(300, 3), edited(301, 30)])
    write_jsonl(tmp_path / "validation.jsonl", [*(row(n, words=60) for n in range(100, 106)), edited(302, 2)])
    write_jsonl(tmp_path / "test.jsonl", [row(n, words=60) for n in range(300, 310)])
    files = {name: f"{name}.jsonl" for name in ("train", "validation", "test")}
    return config_of(tmp_path, files=files, near_duplicates=NearDuplicatesConfig(enabled=True))


def test_a_near_duplicate_is_dropped_from_training_alone(config: DataConfig, tmp_path: Path) -> None:
    corpus = load_corpus(config, tmp_path / "cache")
    assert corpus.ledger["rows"] == {"train": 13, "validation": 6, "test": 10}
    assert "train.jsonl:13" not in corpus.train["row_id"]
    assert "train.jsonl:14" in corpus.train["row_id"]
    first, second = corpus.ledger["near_duplicates"]["across"]
    # 56 runs of five words each, 3 of them changed: 53 shared of 59.
    assert first == {
        "split": "train",
        "held_out": "test",
        "rows": 1,
        "examples": [["train.jsonl:13", "test.jsonl:1", 0.8983]],
    }
    assert (second["split"], second["held_out"]) == ("validation", "test")


def test_the_threshold_decides(config: DataConfig, tmp_path: Path) -> None:
    config.near_duplicates.threshold = 0.95
    assert load_corpus(config, tmp_path / "cache").ledger["rows"]["train"] == 14
    config.near_duplicates.threshold = 0.3
    assert load_corpus(config, tmp_path / "cache").ledger["rows"]["train"] == 12


def test_report_and_refuse(config: DataConfig, tmp_path: Path) -> None:
    config.leakage = "report"
    corpus = load_corpus(config, tmp_path / "cache")
    assert corpus.ledger["rows"]["train"] == 14
    assert corpus.ledger["near_duplicates"]["across"][0]["rows"] == 1
    config.leakage = "refuse"
    with pytest.raises(UserError, match=r"1 rows of train stand almost word for word in test, such as train\.jsonl:13"):
        load_corpus(config, tmp_path / "cache")


def test_off_means_no_search(config: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(near_duplicates.Search, "across")
    config.near_duplicates.enabled = False
    assert load_corpus(config, tmp_path / "cache").ledger["rows"]["train"] == 14


def test_a_subset_keeps_its_size_and_stays_nested(config: DataConfig, tmp_path: Path) -> None:
    def ids(count: int) -> list[str]:
        config.subset = SubsetConfig(train=count)
        return list(load_corpus(config, tmp_path / "cache").train["row_id"])

    sizes = [ids(count) for count in (3, 8, 13)]
    assert [len(size) for size in sizes] == [3, 8, 13]
    assert sizes[2][:8] == sizes[1]
    assert sizes[1][:3] == sizes[0]
    assert "train.jsonl:13" not in sizes[2]


def test_the_same_question_is_answered_once(
    config: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_corpus(config, tmp_path / "cache")
    monkeypatch.delattr(near_duplicates.Search, "_hits")
    assert load_corpus(config, tmp_path / "cache").ledger == first.ledger


def test_within_training_is_only_reported(config: DataConfig, tmp_path: Path) -> None:
    rows = [*(row(n, words=60) for n in range(12)), edited(4, 2)]
    write_jsonl(tmp_path / "train.jsonl", rows)
    config.near_duplicates.within_train = True
    corpus = load_corpus(config, tmp_path / "cache")
    assert corpus.ledger["rows"]["train"] == 13
    found = corpus.ledger["near_duplicates"]["within_train"]
    assert found["rows"] == 1
    assert set(found["examples"][0][:2]) == {"train.jsonl:5", "train.jsonl:13"}


def test_short_texts_are_compared_whole(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl", [{"text": f"{n} yes", "label": "even"} for n in range(20)])
    write_jsonl(tmp_path / "test.jsonl", [{"text": f"yes {n}", "label": "even"} for n in range(20)])
    files = {"train": "train.jsonl", "test": "test.jsonl"}
    settings = NearDuplicatesConfig(enabled=True)
    corpus = load_corpus(config_of(tmp_path, files=files, near_duplicates=settings), tmp_path / "cache")
    assert corpus.ledger["near_duplicates"]["across"] == []
