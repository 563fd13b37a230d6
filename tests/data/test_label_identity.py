"""Missing cells, keys of mappings, order and identity of labels: one rule each, whatever the format and the spelling."""

from __future__ import annotations

import csv
import json
import random
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.made_up_files import config_of, row, write_jsonl
from data.test_labels_as_written import load, measured, said, written
from headtohead.config.data import FieldsConfig, LabelsConfig, SplitConfig
from headtohead.data import Corpus, load_corpus
from headtohead.data.columns.label_spelling import as_yaml, total_order, variants
from headtohead.errors import UserError
from headtohead.hydra_io.schema import fingerprint, with_text_keys


def totals(corpus: Corpus) -> dict[str, int]:
    return {name: sum(found[name] for found in corpus.ledger["classes"].values()) for name in corpus.labels.names}


def in_format(folder: Path, rows: Sequence[dict[str, Any]], ending: str) -> Path:
    """Write rows with None where a cell is missing, as each format has it."""
    path = folder / f"rows.{ending}"
    match ending:
        case "jsonl":
            write_jsonl(path, rows)
        case "json":
            path.write_text(json.dumps(list(rows)))
        case "parquet":
            pandas.DataFrame(rows).to_parquet(path)
        case _:
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]), delimiter="," if ending == "csv" else "\t")
                writer.writeheader()
                writer.writerows(rows)
    return path


FORMATS = ["csv", "tsv", "jsonl", "json", "parquet"]


def test_missing_groups_stay_apart_as_in_the_case(tmp_path: Path) -> None:
    corpus = load("group_gaps.csv", tmp_path, group="thread")
    assert len(corpus.tests["test"]) == 40
    assert "'thread' is missing in" in said(corpus)


@pytest.mark.parametrize("ending", FORMATS)
def test_a_missing_group_is_a_group_of_its_own_in_every_format(tmp_path: Path, ending: str) -> None:
    rows = [{**row(n), "thread": f"t{n % 7}" if n % 3 == 0 else None} for n in range(60)]
    corpus = load_corpus(config_of(in_format(tmp_path, rows, ending), group="thread"), tmp_path / "cache")
    groups = [group for split in (corpus.train, corpus.validation, *corpus.tests.values()) for group in split["group"]]
    assert len(set(groups)) == 40 + 7
    assert 10 <= len(corpus.tests["test"]) <= 14


def test_a_row_id_is_no_other_rows_group(tmp_path: Path) -> None:
    rows = [{**row(n), "id": n, "parent": n - 1 if n % 2 else None} for n in range(60)]
    config = config_of(write_jsonl(tmp_path / "a.jsonl", rows), group="parent", fields=FieldsConfig(id="id"))
    corpus = load_corpus(config, tmp_path / "cache")
    groups = [group for split in (corpus.train, corpus.validation, *corpus.tests.values()) for group in split["group"]]
    assert len(set(groups)) == 60


@pytest.mark.parametrize("name", ["null_title.jsonl", "null_title.csv"])
def test_several_text_columns_join_those_present(tmp_path: Path, name: str) -> None:
    corpus = load(name, tmp_path, fields=FieldsConfig(text=["title", "body"]))
    assert sum(corpus.ledger["rows"].values()) == 60


@pytest.mark.parametrize("ending", FORMATS)
def test_texts_and_labels_are_missing_alike_in_every_format(tmp_path: Path, ending: str) -> None:
    rows = [{"title": None if n % 3 else f"t{n}", **row(n), "end": None if n % 2 else "e"} for n in range(40)]
    rows[5] = {**rows[5], "title": None, "text": None, "end": None}
    rows[6] = {**rows[6], "label": None}
    config = config_of(
        in_format(tmp_path, rows, ending),
        bad_rows="drop",
        fields=FieldsConfig(text=["title", "text", "end"], joiner=" | "),
    )
    corpus = load_corpus(config, tmp_path / "cache")
    assert corpus.ledger["read"]["train"]["kinds"] == {"the text is empty": 1, "no label": 1}
    texts = [text for split in (corpus.train, corpus.validation, *corpus.tests.values()) for text in split["text"]]
    assert sorted(texts) == sorted(
        " | ".join(r[key] for key in ("title", "text", "end") if r[key]) for n, r in enumerate(rows) if n not in (5, 6)
    )


@pytest.mark.parametrize("word", ["NA", "null", "None", "nan"])
@pytest.mark.parametrize("ending", FORMATS)
def test_a_word_for_nothing_is_a_label_until_it_is_named(tmp_path: Path, ending: str, word: str) -> None:
    path = in_format(tmp_path, [row(n, ("yes", "no", word)[n % 3]) for n in range(30)], ending)
    corpus = load_corpus(config_of(path, labels=LabelsConfig()), tmp_path / "cache")
    assert set(corpus.labels.names) == {"yes", "no", word}
    assert f"'{word}' (10 rows) is read as a label like others" in said(corpus)
    named = config_of(path, labels=LabelsConfig(), fields=FieldsConfig(missing=[word]), bad_rows="drop")
    assert load_corpus(named, tmp_path / "cache").ledger["read"]["train"]["kinds"] == {"no label": 10}


def test_a_missing_multi_label_cell_is_bad_or_none_as_set(tmp_path: Path) -> None:
    cells = ["a;b", "a", None, "b"]
    with pytest.raises(UserError, match=r"there is no label \(write \[\].*data\.labels\.unlabelled=none"):
        written(tmp_path, cells, labels=LabelsConfig(kind="multi"))
    none = written(tmp_path, cells, labels=LabelsConfig(kind="multi", unlabelled="none"))
    listed = written(tmp_path, ["a;b", "a", [], "b"], labels=LabelsConfig(kind="multi"))
    assert sum(none.ledger["rows"].values()) == sum(listed.ledger["rows"].values()) == 30
    assert "7 rows without a label are read as having none of the labels" in said(none)
    with pytest.raises(UserError, match=r"needs data\.labels\.kind=multi"):
        LabelsConfig(unlabelled="none")


def test_mixed_keys_give_three_labels(tmp_path: Path) -> None:
    plain = with_text_keys({"map": {1: "pos", 0: "neg", "unsure": "other"}})
    assert fingerprint(plain) == fingerprint({"map": {"unsure": "other", "0": "neg", "1": "pos"}})
    corpus = load("mixed_keys.csv", tmp_path, labels=LabelsConfig(map=plain["map"]))
    assert corpus.labels.names == ("neg", "other", "pos")


@pytest.mark.parametrize(
    ("keys", "read"), [({1.0: "a", "b": "c"}, {"1": "a", "b": "c"}), ({True: "a", 2: "b"}, {"true": "a", "2": "b"})]
)
def test_keys_are_read_as_labels_are(keys: dict[Any, str], read: dict[str, str]) -> None:
    assert with_text_keys({"words": [{"inner": keys}]}) == {"words": [{"inner": read}]}


@pytest.mark.parametrize("keys", [{1: "a", "1": "b"}, {True: "a", "true": "b"}, {1.0: "a", "1": "b"}])
def test_keys_that_read_alike_are_refused(keys: dict[Any, str]) -> None:
    with pytest.raises(UserError, match=r"data\.labels has the key '(1|true)' twice"):
        with_text_keys({"data": {"labels": keys}})


TRUE_AND_FALSE = {"true": "positive", "false": "negative"}  # what YAML makes of {yes: positive, no: negative}


def test_yes_and_no_after_yaml(tmp_path: Path) -> None:
    corpus = load("yes_no.csv", tmp_path, labels=LabelsConfig(map=TRUE_AND_FALSE))
    assert corpus.labels.names == ("negative", "positive")
    assert measured(corpus)["accuracy"] == 1.0
    named = load("yes_no.csv", tmp_path, labels=LabelsConfig(names=["true", "false"]))
    assert named.labels.names == ("yes", "no")


def test_truth_values_of_json(tmp_path: Path) -> None:
    corpus = load("booleans.jsonl", tmp_path, labels=LabelsConfig(map={"true": "toxic", "false": "fine"}))
    assert corpus.labels.names == ("fine", "toxic")


@pytest.mark.parametrize(
    ("cells", "keys"),
    [
        (("Yes", "No"), TRUE_AND_FALSE),
        (("on", "off"), TRUE_AND_FALSE),
        (("TRUE", "FALSE"), TRUE_AND_FALSE),
        (("1.0", "0.0"), {"1": "positive", "0": "negative"}),
        (("01", "02"), {"1": "positive", "2": "negative"}),
        (("re\u0301sume\u0301", "non"), {"r\u00e9sum\u00e9": "positive", "non": "negative"}),
    ],
)
def test_a_key_finds_the_spelling_of_the_file(tmp_path: Path, cells: Sequence[str], keys: dict[str, str]) -> None:
    assert totals(written(tmp_path, cells, labels=LabelsConfig(map=keys))) == {"negative": 15, "positive": 15}


def test_two_spellings_of_a_key_are_refused_with_a_line_that_works(tmp_path: Path) -> None:
    cells = ["yes", "true", "no"]
    with pytest.raises(
        UserError, match=r"'true' may mean any of \['true', 'yes'\].*'data\.labels\.map=(\{.*\})'"
    ) as raised:
        written(tmp_path, cells, labels=LabelsConfig(map=TRUE_AND_FALSE))
    line = str(raised.value).split("data.labels.map=")[-1].rstrip("'")
    assert totals(written(tmp_path, cells, labels=LabelsConfig(map=json.loads(line)))) == {
        "negative": 10,
        "positive": 20,
    }


def test_words_without_an_order_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"order of these labels cannot be known: high, low, medium.*data\.labels\.names="
    ):
        load("ordinal_words.csv", tmp_path, labels=LabelsConfig(kind="ordinal"))
    ordered = load("ordinal_words.csv", tmp_path, labels=LabelsConfig(kind="ordinal", names=["low", "medium", "high"]))
    assert ordered.labels.values == (0, 1, 2)
    assert measured(ordered)["mae"] == pytest.approx(0.149, abs=0.002)


@pytest.mark.parametrize("cells", [["1", "2", "high"], ["bad", "nan", "good"], ["A", "B", "C"], ["inf", "1", "2"]])
def test_an_order_with_words_in_it_is_refused(tmp_path: Path, cells: Sequence[str]) -> None:
    with pytest.raises(UserError, match="the order of these labels cannot be known"):
        written(tmp_path, cells, labels=LabelsConfig(kind="ordinal"))
    assert written(tmp_path, cells, labels=LabelsConfig(kind="ordinal", names=list(cells))).labels.values == (0, 1, 2)


def test_numbers_are_an_order_and_numbered_words_suggest_one(tmp_path: Path) -> None:
    scale = written(tmp_path, ["10", "2", "-1", "2.5"], labels=LabelsConfig(kind="ordinal"))
    assert scale.labels.names == ("-1", "2", "2.5", "10")
    with pytest.raises(UserError, match=r'By their numbers: .data\.labels\.names=\["2 stars","10 stars"\]'):
        written(tmp_path, ["10 stars", "2 stars"], labels=LabelsConfig(kind="ordinal"))


@given(
    st.lists(
        st.one_of(st.text(max_size=4), st.sampled_from(["nan", "inf", "1", "1.0", "01", "-0", "1e3", "NaN"])),
        unique=True,
    )
)
def test_the_order_of_labels_is_total(labels: list[str]) -> None:
    shuffled = random.Random(0).sample(labels, len(labels))
    assert sorted(labels, key=total_order) == sorted(shuffled, key=total_order)
    assert len({total_order(label) for label in labels}) == len(labels)


def test_invisible_characters_are_said_with_the_map_that_merges(tmp_path: Path) -> None:
    corpus = load("invisible_label.csv", tmp_path)
    (notice,) = [notice for notice in corpus.notices if "invisible" in notice.text]
    assert notice.leads
    assert "'bad' (24 rows) and 'bad\\u200b' (6 rows)" in notice.text
    assert notice.command == '\'data.labels.map={"bad\\u200b": "bad", "good\\u200b": "good"}\''
    merged = json.loads(notice.command.split("=")[1].rstrip("'"))
    corpus = load("invisible_label.csv", tmp_path, labels=LabelsConfig(map=merged))
    assert totals(corpus) == {"bad": 30, "good": 30}
    assert not [notice for notice in corpus.notices if "invisible" in notice.text]


@pytest.mark.parametrize(
    ("plain", "other"),
    [
        ("Bad", "bad"),
        ("caf\u00e9", unicodedata.normalize("NFD", "caf\u00e9")),
        ("bad", "\ufeffbad"),
        ("a b", "a\u00a0b"),
        ("a b", "a  b"),
        ("bad", "b\u00adad"),
        ("ok", "\uff4f\uff4b"),
    ],
)
def test_labels_that_look_alike_are_said_and_merge(tmp_path: Path, plain: str, other: str) -> None:
    assert variants([plain, other, "z"]) in ([[plain, other]], [[other, plain]])
    cells = [plain, other, "z", plain]
    corpus = written(tmp_path, cells, labels=LabelsConfig())
    (command,) = [notice.command for notice in corpus.notices if "invisible" in notice.text]
    line = json.loads(command.split("=", 1)[1].rstrip("'"))
    merged = written(tmp_path, cells, labels=LabelsConfig(map=line))
    assert len(merged.labels) == 2
    assert sorted(totals(merged).values()) == [7, 23]


@pytest.mark.parametrize(
    ("one", "other"), [("good", "bad"), ("1", "2"), ("a-b", "ab"), ("\u00e4", "a"), ("yes", "true")]
)
def test_labels_that_look_different_are_no_variants(one: str, other: str) -> None:
    assert not variants([one, other])


def test_names_without_rows_are_said(tmp_path: Path) -> None:
    corpus = written(tmp_path, ["a", "b"], labels=LabelsConfig(names=["a", "b", "c"]))
    assert "no training row has the label 'c': it cannot be learnt" in said(corpus)
    assert "'data.labels.names=[a,b]'" in said(corpus)


def test_contradictions_are_said(tmp_path: Path) -> None:
    rows = [{**row(n // 2), "label": "ab"[n % 2]} for n in range(4)] + [row(n, "ab"[n % 2]) for n in range(10, 40)]
    corpus = load_corpus(config_of(write_jsonl(tmp_path / "a.jsonl", rows), labels=LabelsConfig()), tmp_path / "cache")
    (notice,) = [notice for notice in corpus.notices if "contradict" in notice.text]
    assert notice.leads
    assert (
        "4 rows of the train file contradict each other: 2 texts with different labels, such as a.jsonl:" in notice.text
    )


def rare(tmp_path: Path, **labels: Any) -> Corpus:
    """Load two labels of twenty rows, one of two and two of one."""
    cells = ["a", "b"] * 20 + ["c", "c", "d", "e"]
    rows = [row(n, label) for n, label in enumerate(cells)]
    return load_corpus(
        config_of(write_jsonl(tmp_path / "a.jsonl", rows), labels=LabelsConfig(**labels)), tmp_path / "cache"
    )


def test_labels_with_few_rows_are_put_together_or_left_out(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"label '[cde]' has . distinct text.*2 more labels.*: data\.labels\.min_rows=3 reads"
    ):
        rare(tmp_path)
    together = rare(tmp_path, min_rows=3)
    assert totals(together) == {"a": 20, "b": 20, "other": 4}
    assert "labels with fewer than 3 rows are read as 'other': 'c', 'd', 'e'" in said(together)
    assert totals(rare(tmp_path, min_rows=3, other="rest")) == {"a": 20, "b": 20, "rest": 4}
    without = rare(tmp_path, min_rows=3, other=None)
    assert totals(without) == {"a": 20, "b": 20}
    assert without.ledger["read"]["train"]["kinds"] == {"label with too few rows": 4}


def test_one_row_of_a_label_is_left_out_by_the_line_that_is_named(tmp_path: Path) -> None:
    rows = [row(n, "ab"[n % 2]) for n in range(30)] + [row(30, "c")]
    path = write_jsonl(tmp_path / "a.jsonl", rows)
    with pytest.raises(
        UserError, match=r"label 'c' has 1 distinct text .*: data\.labels\.min_rows=2 data\.labels\.other=null"
    ):
        load_corpus(config_of(path, labels=LabelsConfig()), tmp_path / "cache")
    corpus = load_corpus(config_of(path, labels=LabelsConfig(min_rows=2, other=None)), tmp_path / "cache")
    assert totals(corpus) == {"a": 15, "b": 15}


def test_a_label_of_the_test_file_alone_is_rare_too(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl", [row(n, ("a", "b", "c")[n % 3 if n < 6 else n % 2]) for n in range(40)])
    write_jsonl(tmp_path / "test.jsonl", [row(100 + n, ("a", "z")[n % 2]) for n in range(10)])
    files = {"train": "train.jsonl", "test": "test.jsonl"}
    corpus = load_corpus(config_of(tmp_path, files=files, labels=LabelsConfig(min_rows=5)), tmp_path / "cache")
    assert corpus.ledger["classes"]["test"] == {"a": 5, "b": 0, "other": 5}
    multi = LabelsConfig(kind="multi", min_rows=5, other=None)
    kept = load_corpus(
        config_of(tmp_path, files=files, labels=multi, split=SplitConfig(stratify=False)), tmp_path / "cache"
    )
    assert kept.ledger["rows"]["test"] == 10


@pytest.mark.parametrize(
    ("cells", "command"),
    [
        (["a;b", "b;c", "a;c"], "data.labels.kind=multi 'data.labels.separator=\";\"'"),
        (["a, b", "b", "a, c", "c, b"], "data.labels.kind=multi 'data.labels.separator=\",\"'"),
        (["['a', 'b']", "['b']"], "data.labels.kind=multi"),
        ([1, 2, 3, 4, 5], "data.labels.kind=ordinal"),
        (["1.0", "1.5", "2.0"], "data.labels.kind=ordinal"),
    ],
)
def test_what_looks_like_another_kind_of_label_is_hinted_at(
    tmp_path: Path, cells: Sequence[object], command: str
) -> None:
    assert command in [notice.command for notice in written(tmp_path, cells, labels=LabelsConfig()).notices]


@pytest.mark.parametrize("cells", [["Food, drink", "Home, garden"], ["a", "b"], [0, 1], ["a;b", "c", "d"]])
def test_other_labels_hint_at_nothing(tmp_path: Path, cells: Sequence[object]) -> None:
    assert not [n for n in written(tmp_path, cells, labels=LabelsConfig()).notices if "data.labels.kind" in n.command]


def test_numbers_of_multi_label_names_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"If numbers count the names from 0: 'data\.labels\.map=\{\"0\": \"x\", \"1\": \"y\""
    ):
        written(tmp_path, [[0], [1, 2], [2]], labels=LabelsConfig(kind="multi", names=["x", "y", "z"]))
    assert as_yaml("1.0") == as_yaml("1")
