"""What people get wrong: one message that says what was given, where, and what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas
import pytest

from data.made_up_files import config_of, row, write_jsonl
from headtohead.config.data import DataConfig, FieldsConfig, LabelsConfig, SplitConfig, SubsetConfig
from headtohead.data import load_corpus
from headtohead.errors import UserError


def complaint(tmp_path: Path, rows: list[dict[str, Any]] | None = None, **settings: Any) -> str:
    """Return what loading these rows says."""
    path = write_jsonl(tmp_path / "rows.jsonl", [row(n) for n in range(30)] if rows is None else rows)
    with pytest.raises(UserError) as raised:
        load_corpus(config_of(path, **settings), tmp_path / "cache")
    return str(raised.value)


def test_a_missing_file_names_its_neighbours(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "reviews_train.jsonl", [row(1)])
    with pytest.raises(UserError, match=r"there is no .*reviews_trian\.jsonl; did you mean reviews_train\.jsonl\?"):
        load_corpus(config_of(tmp_path / "reviews_trian.jsonl"), tmp_path / "cache")
    with pytest.raises(UserError, match=r"data\.files\.test='tset\.jsonl': there is no .*; did you mean reviews_train"):
        load_corpus(
            config_of(tmp_path, files={"train": "reviews_train.jsonl", "test": "tset.jsonl"}), tmp_path / "cache"
        )


def test_a_missing_column_names_near_ones(tmp_path: Path) -> None:
    message = complaint(tmp_path, fields=FieldsConfig(text=["texts"]))
    assert re.search(r"rows\.jsonl has no column 'texts'; did you mean 'text'\? Choices: label, text", message)
    assert "no column 'author'" in complaint(tmp_path, group="author")
    assert "no column 'key'" in complaint(tmp_path, fields=FieldsConfig(id="key"))


def test_labels_outside_the_map_are_counted_and_quoted(tmp_path: Path) -> None:
    rows = [row(n) for n in range(30)] + [row(30 + n, "evn") for n in range(7)]
    message = complaint(tmp_path, rows)
    assert "7 of 37 rows cannot be used" in message
    assert "rows.jsonl:31: label 'evn' is not in data.labels; did you mean 'even'? Choices: even, odd" in message
    assert "... and 2 more" in message
    assert "data.bad_rows=drop" in message


@pytest.mark.parametrize(
    ("value", "said"),
    [("  ", "there is no text in 'text'"), (None, "there is no text in 'text'"), (7, "'text' is not text but int '7'")],
)
def test_empty_and_non_text_rows_are_named_by_row(tmp_path: Path, value: object, said: str) -> None:
    rows = [row(n) for n in range(30)]
    rows[11]["text"] = value
    message = complaint(tmp_path, rows)
    assert "data.files.train: 1 of 30 rows cannot be used" in message
    assert f"rows.jsonl:12: {said}" in message


def test_bad_rows_are_dropped_and_counted_where_asked(tmp_path: Path) -> None:
    rows = [row(n) for n in range(30)]
    rows[3]["text"], rows[4]["label"], rows[5]["label"] = "", None, "strange"
    path = write_jsonl(tmp_path / "rows.jsonl", rows)
    corpus = load_corpus(config_of(path, bad_rows="drop"), tmp_path / "cache")
    assert sum(corpus.ledger["rows"].values()) == 27
    account = corpus.ledger["read"]["train"]
    assert (account["read"], account["dropped"]) == (30, 3)
    assert account["kinds"] == {"the text is empty": 1, "no label": 1, "label outside the map": 1}
    assert account["examples"][0] == "rows.jsonl:4: there is no text in 'text'"
    (said,) = (notice for notice in corpus.notices if "left out" in notice.text)
    assert (
        said.text == "data.files.train: 3 of 30 rows are left out, the first rows.jsonl:4: there is no text in 'text'"
    )
    assert said.leads  # a tenth of the rows


def test_broken_lines_are_dropped_like_other_bad_rows(tmp_path: Path) -> None:
    """Ragged and broken lines cost themselves, whatever the format."""
    rows = [row(n) for n in range(40)]
    tables = {
        "rows.csv": ["text,label", *(f"{r['text']},{r['label']}" for r in rows)],
        "rows.tsv": ["text\tlabel", *(f"{r['text']}\t{r['label']}" for r in rows)],
        "rows.jsonl": ["", *map(json.dumps, rows)],
    }
    for name, lines in tables.items():
        path = tmp_path / name
        path.write_text("\n".join([*lines[:21], '{"broken', *lines[21:]]) + "\n")
        with pytest.raises(UserError, match=rf"1 of 41 rows cannot be used:\n    {name}:2[12]: line 22: "):
            load_corpus(config_of(path), tmp_path / "cache")
        corpus = load_corpus(config_of(path, bad_rows="drop"), tmp_path / "cache")
        assert sum(corpus.ledger["rows"].values()) == 40
        assert sum(corpus.ledger["read"]["train"]["kinds"].values()) == 1
        assert not any(notice.leads for notice in corpus.notices if "left out" in notice.text)


def test_a_label_with_one_row_cannot_be_cut(tmp_path: Path) -> None:
    rows = [row(n, "even") for n in range(29)] + [row(29, "odd")]
    message = complaint(tmp_path, rows)
    assert "label 'odd' has 1 distinct text in data.files.train, but 3 splits are to be cut" in message
    assert "data.split.stratify=false" in message
    path = tmp_path / "rows.jsonl"
    assert (
        load_corpus(config_of(path, split=SplitConfig(stratify=False)), tmp_path / "cache").ledger["rows"]["test"] == 6
    )


def test_one_text_repeated_is_one_unit(tmp_path: Path) -> None:
    rows = [row(n, "even") for n in range(29)] + [row(29, "odd")] * 5
    assert "label 'odd' has 1 distinct text" in complaint(tmp_path, rows)


def test_an_empty_file_and_an_emptied_split(tmp_path: Path) -> None:
    assert "data.files.train is empty" in complaint(tmp_path, [])
    only_bad = complaint(tmp_path, [{"text": "", "label": "even"}] * 3, bad_rows="drop")
    assert "data.files.train is empty: no usable row" in only_bad
    rows = [row(n) for n in range(10)]
    for name in ("train", "validation", "test"):
        write_jsonl(tmp_path / f"{name}.jsonl", rows if name != "validation" else [row(50 + n) for n in range(4)])
    files = {name: f"{name}.jsonl" for name in ("train", "validation", "test")}
    with pytest.raises(UserError, match=r"the train split is empty: check data\.files, data\.split and data\.leakage"):
        load_corpus(config_of(tmp_path, files=files), tmp_path / "cache")


def test_ids_that_are_not_unique(tmp_path: Path) -> None:
    rows = [{**row(n), "key": n % 29} for n in range(30)]
    message = complaint(tmp_path, rows, fields=FieldsConfig(id="key"))
    assert "1 row ids occur more than once, such as '0' in train" in message
    rows[5]["key"] = ""  # type: ignore[assignment]
    assert "rows.jsonl:6: there is no 'key'" in complaint(tmp_path, rows, fields=FieldsConfig(id="key"))


def test_something_that_is_no_label(tmp_path: Path) -> None:
    rows = [row(n, f"value {n}") for n in range(1100)]
    message = complaint(tmp_path, rows, labels=LabelsConfig())
    assert "'label' holds more than 1000 different values: is it the label?" in message


def test_one_label_is_no_choice(tmp_path: Path) -> None:
    assert "needs at least two labels" in complaint(
        tmp_path, [row(n, "even") for n in range(30)], labels=LabelsConfig()
    )


def test_a_balanced_sample_larger_than_a_label(tmp_path: Path) -> None:
    assert "data.subset.per_class=16: the smallest label has 15 rows" in complaint(
        tmp_path, subset=SubsetConfig(per_class=16)
    )
    assert "no row of data.files.train has the label 'third'" in complaint(
        tmp_path, subset=SubsetConfig(per_class=3), labels=LabelsConfig(names=["even", "odd", "third"])
    )
    assert "needs one label per row, not data.labels.kind=multi" in complaint(
        tmp_path, subset=SubsetConfig(per_class=3), labels=LabelsConfig(kind="multi", names=["even", "odd"])
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"format": "jsnl"}, "data.format='jsnl' is unknown; did you mean 'jsonl'"),
        ({"leakage": "dorp"}, "data.leakage='dorp' is unknown; did you mean 'drop'"),
        ({"duplicates": "remove"}, "data.duplicates='remove' is unknown"),
        ({"bad_rows": "skip"}, "data.bad_rows='skip' is unknown"),
        ({"files": {"test": "a.csv"}}, "data.files needs a 'train' entry"),
        ({"encodings": []}, "data.encodings must name at least one"),
        ({"encodings": ["utf8000"]}, "'utf8000' is not an encoding"),
        ({"files": {"train": "a", "test": "b"}, "split": {"folds": 5}}, "leave only data.files.train"),
        ({"split": {"test": 1.5}}, "data.split.test is a fraction below 1, or 0 for no test rows, given 1.5"),
        ({"split": {"test": 0.5, "validation": 0.5}}, "leave no training rows"),
        ({"split": {"folds": 1}}, "data.split.folds needs 0"),
        ({"split": {"folds": 5, "fold": 5}}, "data.split.fold counts from 0 to folds-1"),
        ({"split": {"repeat": -1}}, "data.split.repeat"),
        ({"subset": {"train": 0}}, "data.subset.train must be at least 1"),
        ({"fields": {"messages": "a", "turns": "b"}}, "set messages or turns, not both"),
        ({"fields": {"text": []}}, "name the input"),
        ({"fields": {"turn_keys": ["a"]}}, "data.fields.turn_keys needs two names"),
        ({"labels": {"kind": "binary"}}, "data.labels.kind='binary' is unknown"),
        ({"labels": {"kind": "real", "names": ["a", "b"]}}, "one name of the quantity"),
        ({"labels": {"kind": "multi", "separator": ""}}, "data.labels.separator"),
    ],
)
def test_settings_out_of_range_name_the_key(settings: dict[str, Any], said: str) -> None:
    kinds = {"split": SplitConfig, "subset": SubsetConfig, "fields": FieldsConfig, "labels": LabelsConfig}
    with pytest.raises(UserError, match=re.escape(said)):
        DataConfig(**{key: kinds[key](**value) if key in kinds else value for key, value in settings.items()})


def test_one_file_in_two_splits_leaks_every_row(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [row(n) for n in range(30)])
    files = {"train": "rows.jsonl", "test": "./rows.jsonl"}
    with pytest.raises(UserError, match=r"data\.files\.train and data\.files\.test are the same file") as raised:
        load_corpus(config_of(tmp_path, files=files), tmp_path / "cache")
    assert "every row would stand in both splits" in str(raised.value)


def test_missing_and_listed_labels_are_bad_rows(tmp_path: Path) -> None:
    rows = [row(n) for n in range(30)]
    rows[3]["label"], rows[4]["label"] = float("nan"), ["even"]
    message = complaint(tmp_path, rows, labels=LabelsConfig())
    assert "rows.jsonl:4: there is no label" in message
    assert "rows.jsonl:5: the label is a list" in message


def test_brackets_without_end_are_broken_json(tmp_path: Path) -> None:
    path = tmp_path / "deep.jsonl"
    path.write_text("[" * 200_000 + "\n")
    with pytest.raises(UserError, match=r"deep\.jsonl, line 1: broken JSON"):
        load_corpus(config_of(path), tmp_path / "cache")


def test_a_damaged_page_of_a_parquet_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pandas.DataFrame([row(n) for n in range(3000)]).to_parquet(path)
    damaged = bytearray(path.read_bytes())
    damaged[100:3000] = b"\xff" * 2900
    path.write_bytes(damaged)
    with pytest.raises(UserError, match=r"rows\.parquet cannot be read as Parquet"):
        load_corpus(config_of(path), tmp_path / "cache")
