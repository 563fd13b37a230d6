"""Answers and names in forms that no case file has: each is read as meant, said, or refused with what to type."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.made_up_files import config_of, row, write_jsonl
from data.test_labels_as_written import refused, said, written
from headtohead.config.data import FieldsConfig, LabelsConfig
from headtohead.data import load_corpus
from headtohead.data.columns.cells import listed, mapping, truth
from headtohead.data.columns.label_spelling import as_seen, total_order, variants, written_number
from headtohead.errors import UserError

ANY = LabelsConfig()
MULTI = LabelsConfig(kind="multi")


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ('{"food": 1, "price": 0}', ["food"]),
        ("{'food': True, 'price': True}", ["food", "price"]),
        ('{"food": 0, "price": 0}', []),
        ({"food": "no", "price": "yes"}, ["price"]),
        ('{"a: b",c}', ["a: b", "c"]),  # Postgres
        ("{'a: b'}", ["a: b"]),  # a set of Python
        ("{a: b}", ["a: b"]),
    ],
)
def test_a_mapping_of_labels_to_truth_values_is_the_list_of_those_that_apply(cell: object, meant: list[str]) -> None:
    assert listed(cell) == meant


@pytest.mark.parametrize("cell", ['{"food": 0.3, "price": 0.7}', {"food": 3, "price": 0}, {"food": None}])
def test_a_mapping_to_anything_else_is_no_answer(cell: object, tmp_path: Path) -> None:
    assert mapping(cell) is not None
    assert listed(cell) is None
    assert "the label is a mapping" in refused(tmp_path, [cell], labels=MULTI)


def test_mappings_are_read_as_the_lists_they_mean(tmp_path: Path) -> None:
    names, flags = ["a", "b", "c"], [(1, 0, 0), (0, 1, 1), (1, 1, 1)]
    maps = written(tmp_path / "maps", [dict(zip(names, row, strict=True)) for row in flags], labels=MULTI)
    lists = written(
        tmp_path / "lists", [[n for n, f in zip(names, row, strict=True) if f] for row in flags], labels=MULTI
    )
    assert maps.labels == lists.labels
    assert maps.train["label"][:] == lists.train["label"][:]


@pytest.mark.parametrize("word", ["y", "N", "T", "f", "ON", "off", "x", "X"])
def test_columns_per_label_take_the_usual_words(word: str) -> None:
    assert truth(word) == (word.lower() in ("y", "t", "on", "x"))


@pytest.mark.parametrize("separator", ["/", " + ", " & ", " "])
def test_a_doubtful_separator_is_refused_with_the_line_that_reads_it(separator: str, tmp_path: Path) -> None:
    cells = [separator.join(labels) for labels in (["a1", "b1"], ["b1", "c1"], ["a1", "b1", "c1"], ["a1"], ["c1"])]
    message = refused(tmp_path, cells, labels=MULTI)
    character = separator.strip() or " "
    assert f"'data.labels.separator=\"{character}\"'" in message
    told = written(tmp_path, cells, labels=LabelsConfig(kind="multi", separator=character))
    assert told.labels.names == ("a1", "b1", "c1")
    assert "no cell holds more than one label" not in said(told)


@pytest.mark.parametrize("separator", ["、", "，", "；", "،"])
def test_commas_of_other_scripts_separate(separator: str, tmp_path: Path) -> None:
    corpus = written(tmp_path, [f"食{separator}价", "食", "价"], labels=MULTI)
    assert set(corpus.labels.names) == {"食", "价"}
    assert "labels are separated by" in said(corpus)


def test_a_comma_that_may_belong_to_a_label_is_said_with_a_cell(tmp_path: Path) -> None:
    corpus = written(tmp_path, ["Food, drinks", "Food, drinks, Room", "Room"], labels=MULTI)
    assert corpus.labels.names == ("Food", "Room", "drinks")
    assert "labels are separated by ',', as in rows.jsonl:1: 'Food, drinks'" in said(corpus)


def test_slashes_inside_a_few_labels_separate_nothing(tmp_path: Path) -> None:
    assert written(tmp_path, ["n/a", "sport", "news"], labels=MULTI).labels.names == ("n/a", "news", "sport")


@pytest.mark.parametrize("cells", [[[0, 2, 3], [1, 1, 0]], ["[0.2, 0.8]", "[0.7, 0.3]"], ["[3 3 0]", "[1 0 1]"]])
def test_counts_and_probabilities_are_no_labels(cells: list[object], tmp_path: Path) -> None:
    assert "numbers for positions" in refused(tmp_path, cells, labels=MULTI)


def test_numbers_of_labels_stay_labels(tmp_path: Path) -> None:
    assert written(tmp_path, [[0, 3], [3, 1], [1, 0]], labels=MULTI).labels.names == ("0", "1", "3")


@pytest.mark.parametrize("name", ["1_2", "1_000", "1e400", "0x1F", "nan", "inf", "²", ""])
def test_what_python_may_take_for_a_number_is_a_name(name: str) -> None:
    assert written_number(name) is None
    assert total_order(name)[0] == 1


@pytest.mark.parametrize("name", ["1", "-2", "+2", ".5", "5.", "1e3", "１２", " 7 "])
def test_numbers_as_people_write_them(name: str) -> None:
    assert written_number(name) == float(name)


def test_an_order_of_names_with_underscores_is_asked_for(tmp_path: Path) -> None:
    message = refused(tmp_path, ["1_2", "1_10", "2_0"], labels=LabelsConfig(kind="ordinal"))
    assert "the order of these labels cannot be known" in message


@pytest.mark.parametrize(
    "alike",
    [
        ("good", "good."),
        ("not spam", "not_spam", "Not-Spam"),
        ("iyi", "İYİ", "ıyı"),
        ("don't", "don’t"),
        ("a-b", "a–b"),
        ('"good"', "good"),
        ("cat", "сat"),  # the first letter of the second is Cyrillic
        ("سلام", "ﺳﻼﻡ"),
        ("1", "1.0", "１"),
    ],
)
def test_labels_that_look_alike_are_said(alike: tuple[str, ...], tmp_path: Path) -> None:
    assert variants([*alike, "other"]) == [sorted(alike, key=total_order)]
    corpus = written(tmp_path, [*alike, "other"], labels=ANY)
    assert "data.labels.map=" in said(corpus)


@pytest.mark.parametrize(
    "pair", [("A+", "A-"), ("C", "C++"), ("C#", "C"), ("-1", "1"), ("1_2", "12"), ("a", "b"), ("!", "?")]
)
def test_labels_that_differ_to_a_reader_are_not(pair: tuple[str, str]) -> None:
    assert as_seen(pair[0]) != as_seen(pair[1])


def test_where_no_row_can_be_used_none_is_to_be_dropped(tmp_path: Path) -> None:
    rows = [{"text": number, "label": "a"} for number in range(9)]
    with pytest.raises(UserError, match="9 of 9 rows") as raised:
        load_corpus(config_of(write_jsonl(tmp_path / "rows.jsonl", rows)), tmp_path / "cache")
    assert "bad_rows" not in str(raised.value)


@pytest.mark.parametrize("header", ["Text,LABEL", "TEXT, Label"])
def test_a_column_in_other_case_is_the_one_that_is_named(header: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(header + "\n" + "".join(f"{row(n)['text']},{row(n)['label']}\n" for n in range(30)))
    with pytest.raises(UserError, match=f"data.fields.label={header.split(',')[1].strip()}"):
        load_corpus(config_of(path), tmp_path / "cache")
    fields = FieldsConfig(text=[header.split(",")[0]], label=header.split(",")[1].strip())
    assert load_corpus(config_of(path, fields=fields), tmp_path / "cache").labels.names == ("even", "odd")


def test_a_title_with_empty_cells_behind_it_stands_before_the_header(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        "Export of May,\ntext,label\n" + "".join(f"{row(n)['text']},{row(n)['label']}\n" for n in range(30))
    )
    corpus = load_corpus(config_of(path), tmp_path / "cache")
    assert sum(map(len, (corpus.train, corpus.validation, corpus.tests["test"]))) == 30
    assert "lines before the header are skipped" in said(corpus)
