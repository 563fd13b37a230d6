"""Ratings with a decimal comma keep their spelling as classes, stand in the order of their values, and are said to have one."""

from __future__ import annotations

import shlex
from pathlib import Path

import pandas
import pytest

from data.made_up_files import config_of, write_jsonl
from data.test_ready_files import configuration
from headtohead.config.data import LabelsConfig
from headtohead.data import load_corpus
from headtohead.data.columns.label_spelling import total_order, with_point, written_number
from headtohead.errors import UserError

HALVES = ["1", "1,5", "2", "2,5", "3", "10"]


def rows(labels: list[str]) -> pandas.DataFrame:
    return pandas.DataFrame([{"text": f"text {n}", "label": labels[n % len(labels)]} for n in range(20 * len(labels))])


@pytest.mark.parametrize("labels", [HALVES, ["-0,5", "0", "0,25"], ["0,10", "0,9", "1,0"]])
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_classes_stand_in_the_order_of_their_values(
    labels: list[str], ending: str, tmp_path: Path, cache: Path
) -> None:
    path, table = tmp_path / f"rows.{ending}", rows(labels[::-1])
    if ending == "csv":
        table.to_csv(path, sep=";", index=False)
    else:
        write_jsonl(path, table.to_dict("records"))
    corpus = load_corpus(config_of(path, labels=LabelsConfig()), cache)
    assert list(corpus.labels.names) == labels
    (said,) = [notice for notice in corpus.notices if notice.command == "data.labels.kind=ordinal"]
    assert f"{labels[0]} to {labels[-1]}" in said.text


def test_a_table_of_them_is_read_with_an_order(tmp_path: Path, cache: Path) -> None:
    rows(HALVES).to_csv(path := tmp_path / "rows.csv", sep=";", index=False)
    corpus = load_corpus(config_of(path, labels=LabelsConfig(kind="ordinal")), cache)
    assert list(corpus.labels.values) == [1, 1.5, 2, 2.5, 3, 10]


def test_the_refusal_of_other_files_has_the_line_that_reads_them(tmp_path: Path, cache: Path) -> None:
    path = write_jsonl(tmp_path / "rows.jsonl", rows(HALVES).to_dict("records"))
    with pytest.raises(UserError, match="'1,5' is a number with a decimal comma: ") as refusal:
        load_corpus(config_of(path, labels=LabelsConfig(kind="ordinal")), cache)
    line = str(refusal.value).split("comma: ")[1]
    config = configuration("files", f"data.source.name={path}", "data.labels.kind=ordinal", *shlex.split(line)).data
    corpus = load_corpus(config, cache)
    assert list(corpus.labels.names) == HALVES
    assert list(corpus.labels.values) == [1, 1.5, 2, 2.5, 3, 10]


def test_such_a_label_is_a_name_that_has_a_place_among_numbers() -> None:
    assert written_number("1,5") is None
    assert sorted(["2", "1,5", "1"], key=total_order) == ["1", "1,5", "2"]


@pytest.mark.parametrize("name", ["a,b", "1,2,3", "1,", ",5", "v1,5", "1,5 %"])
def test_nothing_else_is_a_number_with_a_comma(name: str) -> None:
    assert with_point(name) == name
    assert total_order(name)[0] == 1
