"""Answers as people write them: each form is read as it is meant, said, or refused with two rows and the line to type."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.made_up_files import config_of, row, write_jsonl
from evaluation.made_up import predictions_from
from headtohead.config.data import DataConfig, FieldsConfig, LabelsConfig
from headtohead.data import Corpus, load_corpus
from headtohead.data.columns.cells import bits, is_missing, listed
from headtohead.errors import UserError
from headtohead.evaluation import point_metrics, tfidf_predictions

CASES = Path(__file__).parent / "cases"
PARTS = ["food", "price", "service"]
MULTI = LabelsConfig(kind="multi")


def load(name: str, tmp_path: Path, **settings: Any) -> Corpus:
    return load_corpus(config_of(CASES / name, **{"labels": LabelsConfig(), **settings}), tmp_path / "cache")


def measured(corpus: Corpus) -> dict[str, float]:
    """Return what TF-IDF scores on the test rows."""
    train, test = corpus.train, corpus.tests["test"]
    gold = np.asarray(test["label"][:])
    like = predictions_from(corpus.labels, gold, np.zeros((len(gold), len(corpus.labels))))
    found = tfidf_predictions(
        train["text"][:], np.asarray(train["label"][:]), test["text"][:], like, words=corpus.words, seed=0
    )
    return point_metrics(found)


def written(tmp_path: Path, cells: Sequence[object], **settings: Any) -> Corpus:
    """Load thirty rows whose label cells repeat ``cells``."""
    rows = [{**row(n), "label": cells[n % len(cells)]} for n in range(30)]
    return load_corpus(config_of(write_jsonl(tmp_path / "rows.jsonl", rows), **settings), tmp_path / "cache")


def refused(tmp_path: Path, cells: Sequence[object], **settings: Any) -> str:
    with pytest.raises(UserError) as raised:
        written(tmp_path, cells, **settings)
    return str(raised.value)


def said(corpus: Corpus) -> str:
    return "\n".join(map(str, corpus.notices))


@pytest.mark.parametrize(
    "cell",
    [
        ["a b", "c"],
        '["a b", "c"]',
        "['a b', 'c']",
        "['a b' 'c']",
        "['a b'\n 'c']",
        "{'a b', 'c'}",
        '{"a b",c}',
        "{a b,c}",
        "[a b, c]",
        "('a b', 'c')",
        "array(['a b', 'c'], dtype=object)",
        "frozenset({'a b', 'c'})",
        "[np.str_('a b'), np.str_('c')]",
        "[u'a b', u'c',]",
        "'a b', 'c'",
    ],
)
def test_a_list_is_read_in_every_usual_form(cell: object) -> None:
    assert listed(cell) == ["a b", "c"]


@pytest.mark.parametrize(
    "names", [["it's", 'say "so"'], ["a, b", "c;d"], ["ü", "漢字 x"], ["[x]", "{y}"], ["back\\slash", "n"]]
)
def test_what_python_and_json_write_of_a_list_is_that_list(names: list[str]) -> None:
    for text in (
        repr(names),
        json.dumps(names),
        json.dumps(names, ensure_ascii=False),
        repr(tuple(names)),
        str(np.array(names)),
    ):
        assert listed(text) == names


@pytest.mark.parametrize("cell", ["food", "food (x)", "(none)", "[sic] food", "a;b", "", "[", 3, None, "5 {a}"])
def test_other_cells_are_no_lists(cell: object) -> None:
    assert listed(cell) is None


@pytest.mark.parametrize("cell", ["[]", "()", "{}", "set()", "array([], dtype=object)", []])
def test_an_empty_list_is_a_list(cell: object) -> None:
    assert listed(cell) == []


@pytest.mark.parametrize(
    "cell", [[1, 0, 0], [True, False, False], "[1, 0, 0]", "[1 0 0]", "[1. 0. 0.]", "1 0 0", "1,0,0", "100"]
)
def test_zeros_and_ones_are_a_vector(cell: object) -> None:
    assert bits(cell) == [1, 0, 0]


@pytest.mark.parametrize("cell", ["1", "0", "2 0 1", ["1", "a"], [], "food", 10, [0.5, 0.5]])
def test_other_cells_are_no_vectors(cell: object) -> None:
    assert bits(cell) is None


def test_lists_as_pandas_writes_them(tmp_path: Path) -> None:
    corpus = load("multi_pandas.csv", tmp_path, labels=MULTI)
    assert list(corpus.labels.names) == PARTS
    assert measured(corpus)["micro_f1"] == pytest.approx(0.85, abs=0.01)


def test_a_vector_needs_names_for_its_positions(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"(?s)zeros and ones for 3 positions.*\[1, 0, 0\]\n.*\[1, 0, 1\]\n.*data\.labels\.names=\["
    ):
        load("multi_vector.jsonl", tmp_path, labels=MULTI)
    named = load("multi_vector.jsonl", tmp_path, labels=LabelsConfig(kind="multi", names=["food", "service", "price"]))
    assert measured(named)["micro_f1"] == pytest.approx(0.85, abs=0.01)


def test_one_column_per_label(tmp_path: Path) -> None:
    fields = FieldsConfig(text=["comment_text"], label=["food", "service", "price"])
    corpus = load("column_per_label.csv", tmp_path, labels=MULTI, fields=fields)
    assert corpus.labels.names == ("food", "service", "price")
    assert measured(corpus)["micro_f1"] == pytest.approx(0.85, abs=0.01)


@pytest.mark.parametrize(
    ("with_both", "with_one"),
    [
        (["a", "b"], ["a"]),
        ("['a', 'b']", "['a']"),
        ("['a' 'b']", "['a']"),
        ('["a", "b"]', '["a"]'),
        ("{a,b}", "{a}"),
        ("a,b", "a"),
        ("a; b", "a"),
        ("a|b", "a"),
        (["a", "b"], "a"),
    ],
)
def test_every_form_gives_the_same_answers(tmp_path: Path, with_both: object, with_one: object) -> None:
    corpus = written(tmp_path, [with_both, with_one, "b"], labels=MULTI)
    assert corpus.labels.names == ("a", "b")
    totals = {name: sum(found[name] for found in corpus.ledger["classes"].values()) for name in "ab"}
    assert totals == {"a": 20, "b": 20}


@pytest.mark.parametrize(
    "cells", [["1 0", "0 1", "1 1"], ["10", "01", "11"], ["[1 0]", "[0 1]", "[1 1]"], [[True, False], [False, True]]]
)
def test_a_vector_in_any_form_is_read_by_its_names(tmp_path: Path, cells: list[object]) -> None:
    first = sum((bits(cell) or [0])[0] for cell in cells)
    assert "have no names" in refused(tmp_path, cells, labels=MULTI)
    corpus = written(tmp_path, cells, labels=LabelsConfig(kind="multi", names=["x", "y"]))
    assert sum(found["x"] for found in corpus.ledger["classes"].values()) == 30 * first / len(cells)
    assert "data.labels.names has 3" in refused(
        tmp_path, cells, labels=LabelsConfig(kind="multi", names=["x", "y", "z"])
    )


def test_a_broken_vector_is_a_bad_row_and_makes_no_labels(tmp_path: Path) -> None:
    names = LabelsConfig(kind="multi", names=["x", "y", "z"])
    with pytest.raises(UserError, match=r"rows\.jsonl:2: the label '\[1, 0, 2\]' is not a 0 or 1 for each of 3 names"):
        written(tmp_path, [[1, 0, 0], [1, 0, 2], [0, 1, 0]], labels=names)


def test_labels_that_are_called_0_and_1_are_no_vector(tmp_path: Path) -> None:
    assert written(tmp_path, [[0], [1], [0, 1]], labels=MULTI).labels.names == ("0", "1")
    names = LabelsConfig(kind="multi", names=["0", "1", "2"])
    assert (
        sum(found["0"] for found in written(tmp_path, [[0, 1], [1, 0]], labels=names).ledger["classes"].values()) == 30
    )


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        (["a,b;c", "a;b", "b,c"], ["'a,b;c'", "'b,c'", 'data.labels.separator=","', 'data.labels.separator=";"']),
        ([["a", "b"], "a;c"], ["['a', 'b']", "'a;c'"]),
        ([[1, 0, 0], [1, 0]], ["[1, 0, 0]", "[1, 0]"]),
    ],
)
def test_what_is_ambiguous_is_refused_with_two_rows(tmp_path: Path, cells: list[object], shown: list[str]) -> None:
    message = refused(tmp_path, cells, labels=MULTI)
    assert all(part in message for part in shown), message
    assert message.count("rows.jsonl:") == 2


def test_a_named_separator_is_taken(tmp_path: Path) -> None:
    corpus = written(tmp_path, ["a,b;c", "a,b", "c"], labels=LabelsConfig(kind="multi", separator=";"))
    assert corpus.labels.names == ("a,b", "c")
    assert 'data.labels.separator=" "' in refused(tmp_path, ["a b", "b"], labels=MULTI)
    assert written(tmp_path, ["a b", "b"], labels=LabelsConfig(kind="multi", separator=" ")).labels.names == ("a", "b")


def columns(tmp_path: Path, flags: Sequence[tuple[object, object]], kind: str = "multi", **settings: Any) -> Corpus:
    rows = [{**row(n), "a": flags[n % len(flags)][0], "b": flags[n % len(flags)][1]} for n in range(30)]
    config = config_of(
        write_jsonl(tmp_path / "rows.jsonl", rows),
        labels=LabelsConfig(kind=kind, **settings),
        fields=FieldsConfig(label=["a", "b"]),
    )
    return load_corpus(config, tmp_path / "cache")


@pytest.mark.parametrize(
    ("yes", "no"), [(1, 0), (1.0, 0.0), (True, False), ("yes", "no"), ("TRUE", "FALSE"), ("1", ""), (1, None)]
)
def test_a_column_per_label_in_any_words(tmp_path: Path, yes: object, no: object) -> None:
    corpus = columns(tmp_path, [(yes, no), (no, yes), (yes, yes)])
    assert [sum(found[name] for found in corpus.ledger["classes"].values()) for name in "ab"] == [20, 20]
    single = columns(tmp_path, [(yes, no), (no, yes)], kind="single")
    assert single.labels.names == ("a", "b")
    assert [sum(found[name] for found in single.ledger["classes"].values()) for name in "ab"] == [15, 15]


def test_a_column_per_label_that_says_neither_is_refused_by_row(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"rows\.jsonl:1: 'b' holds '-1', which is not 0, 1"):
        columns(tmp_path, [(1, -1), (0, 1)])
    with pytest.raises(UserError, match=r"rows\.jsonl:1: 2 labels apply \(a, b\)"):
        columns(tmp_path, [(1, 1), (0, 1)], kind="single")
    with pytest.raises(UserError, match=r"rows\.jsonl:1: there is no label: all of its columns are empty"):
        columns(tmp_path, [(None, ""), (0, 1)])


def test_columns_of_labels_are_named_and_ordered_by_settings(tmp_path: Path) -> None:
    named = columns(tmp_path, [(1, 0), (0, 1)], map={"a": "first"}, names=["b", "first"])
    assert named.labels.names == ("b", "first")
    with pytest.raises(UserError, match="not the same labels"):
        columns(tmp_path, [(1, 0), (0, 1)], names=["a", "c"])
    with pytest.raises(UserError, match="of a real score is one column"):
        DataConfig(labels=LabelsConfig(kind="real"), fields=FieldsConfig(label=["a", "b"]))
    one = [{**row(n), "stars": n % 2} for n in range(30)]
    fields = FieldsConfig(label=["stars"])
    corpus = load_corpus(
        config_of(write_jsonl(tmp_path / "one.jsonl", one), fields=fields, labels=LabelsConfig()), tmp_path / "cache"
    )
    assert corpus.labels.names == ("0", "1")


@pytest.mark.parametrize("value", [None, float("nan"), "", " ", "\t\n", "\u00a0"])
def test_nothing_is_nothing_in_every_form(value: object) -> None:
    assert is_missing(value)


@pytest.mark.parametrize("value", ["NA", "null", "None", "nan", 0, False, "0", [], float("inf")])
def test_a_word_for_nothing_is_a_text_unless_listed(value: object) -> None:
    assert not is_missing(value)
    assert not isinstance(value, str) or is_missing(f" {value} ", [value])
