"""Tables and JSON in forms that no case file has: read as meant, said, or refused with what to type."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data.made_up_files import config_of, row, write_jsonl
from data.test_labels_as_written import said
from headtohead.config.data import FieldsConfig, LabelsConfig
from headtohead.config.dialect import DialectConfig
from headtohead.data import Corpus, iterate_texts, load_corpus
from headtohead.errors import UserError

REAL = LabelsConfig(kind="real")


def load(path: Path, text: str, **settings: Any) -> Corpus:
    path.write_text(text, encoding="utf-8")
    return load_corpus(config_of(path, **settings), path.parent / "cache")


def refused(path: Path, text: str, **settings: Any) -> str:
    with pytest.raises(UserError) as raised:
        load(path, text, **settings)
    return str(raised.value)


def rows_of(corpus: Corpus) -> int:
    return sum(map(len, (corpus.train, corpus.validation, *corpus.tests.values())))


def values_of(corpus: Corpus) -> set[float]:
    return {value for part in (corpus.train, corpus.validation, corpus.tests["test"]) for value in part["label"][:]}


@pytest.mark.parametrize("ruler", ["|---|---|", "| :--- | ---: |", "|------+-------|"])
def test_the_ruler_of_a_table_in_plain_text_is_no_row(ruler: str, tmp_path: Path) -> None:
    lines = [f"| {row(n)['text']} | {row(n)['label']} |" for n in range(30)]
    corpus = load(tmp_path / "table.csv", "\n".join(["| text | label |", ruler, *lines]) + "\n")
    assert rows_of(corpus) == 30
    assert "the line of dashes below the header is no row" in said(corpus)


def test_a_text_of_dashes_is_a_row(tmp_path: Path) -> None:
    lines = ["--,even", *(f"{row(n)['text']},{row(n)['label']}" for n in range(30))]
    assert rows_of(load(tmp_path / "rows.csv", "\n".join(["text,label", *lines]) + "\n")) == 31


def scores(values: list[str]) -> str:
    return "text;label\n" + "".join(f"{row(n)['text']};{values[n % len(values)]}\n" for n in range(30))


def test_points_that_may_mark_thousands_are_said_and_read_as_asked(tmp_path: Path) -> None:
    text = scores(["1.250", "12.500", "7"])
    corpus = load(tmp_path / "a.csv", text, labels=REAL)
    assert values_of(corpus) == {1.25, 12.5, 7}
    assert "data.dialect.decimal=comma" in said(corpus)
    asked = load(tmp_path / "b.csv", text, labels=REAL, dialect=DialectConfig(decimal="comma"))
    assert values_of(asked) == {1250, 12500, 7}


@pytest.mark.parametrize("values", [["3.800", "0.250"], ["1.25", "2.500"], ["1", "2"]])
def test_points_that_are_certain_are_not(values: list[str], tmp_path: Path) -> None:
    corpus = load(tmp_path / "rows.csv", scores(values), labels=REAL)
    assert values_of(corpus) == set(map(float, values))
    assert "thousands" not in said(corpus)


def test_beside_decimal_commas_points_mark_thousands(tmp_path: Path) -> None:
    corpus = load(tmp_path / "rows.csv", scores(["1.250,5", "1.250", "3,5", "-2"]), labels=REAL)
    assert values_of(corpus) == {1250.5, 1250, 3.5, -2}


def test_lines_with_a_comma_behind_the_object_are_rows(tmp_path: Path) -> None:
    text = ",\n".join(json.dumps(row(n)) for n in range(30))
    assert rows_of(load(tmp_path / "rows.jsonl", text)) == 30
    assert rows_of(load(tmp_path / "more.jsonl", text + ",\n")) == 30


def test_what_is_wrong_with_json_is_said_in_words(tmp_path: Path) -> None:
    array = "[\n" + ",\n".join(json.dumps(row(n)) for n in range(30)) + ",\n]"
    assert "a comma before the closing bracket" in refused(tmp_path / "a.json", array)
    python = "".join(f"{row(n)!r}\n" for n in range(30))
    assert "written by Python" in refused(tmp_path / "b.jsonl", python)


def test_rows_that_are_lists_are_read_with_the_line_that_is_printed(tmp_path: Path) -> None:
    text = "".join(json.dumps([row(n)["text"], row(n)["label"]]) + "\n" for n in range(30))
    assert "'data.dialect.columns=[text,label]'" in refused(tmp_path / "rows.jsonl", text)
    assert rows_of(load(tmp_path / "rows.jsonl", text, dialect=DialectConfig(columns=["text", "label"]))) == 30


def test_a_text_that_holds_its_answer_is_refused(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "rows.jsonl", [row(n) for n in range(30)])
    with pytest.raises(UserError, match="'label' is read as the text and as the label"):
        load_corpus(config_of(path, fields=FieldsConfig(text=["text", "label"])), tmp_path / "cache")


def test_advice_about_rare_labels_leaves_two(tmp_path: Path) -> None:
    few = [row(0, "a"), row(1, "a"), *(row(n, "b") for n in range(2, 30))]
    with pytest.raises(UserError) as raised:
        load_corpus(config_of(write_jsonl(tmp_path / "two.jsonl", few), labels=LabelsConfig()), tmp_path / "cache")
    assert "min_rows" not in str(raised.value)
    few += [row(n, "c") for n in range(30, 60)]
    with pytest.raises(UserError, match=r"data\.labels\.min_rows=3 data\.labels\.other=null"):
        load_corpus(config_of(write_jsonl(tmp_path / "three.jsonl", few), labels=LabelsConfig()), tmp_path / "cache")
    left = LabelsConfig(min_rows=3, other=None)
    assert load_corpus(config_of(tmp_path / "three.jsonl", labels=left), tmp_path / "cache").labels.names == ("b", "c")


def test_the_first_bad_row_of_many_texts_says_nothing_of_the_others(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "new.jsonl", [{"text": ""}, row(1), row(2)])
    with pytest.raises(UserError, match=r"a row cannot be used:\n    new\.jsonl:1") as raised:
        list(iterate_texts(path, config_of(path)))
    assert "data.bad_rows=drop" in str(raised.value)
