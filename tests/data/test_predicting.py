"""Inputs without labels, streamed."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pandas
import pytest

from data.made_up_files import config_of, row, write_jsonl
from headtohead.config.data import FieldsConfig
from headtohead.config.dialect import DialectConfig
from headtohead.data import count_texts, iterate_texts
from headtohead.errors import UserError


def test_rows_come_in_order_without_labels(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "new.jsonl", [{"text": f" t{n} "} for n in range(3)])
    assert list(iterate_texts(path, config_of(tmp_path))) == [
        {"row_id": f"new.jsonl:{n + 1}", "text": f"t{n}", "messages": None} for n in range(3)
    ]


def test_the_files_own_format_counts_and_its_ids_where_it_has_them(tmp_path: Path) -> None:
    fields = FieldsConfig(text=["text"], id="key")
    pandas.DataFrame([{"key": 7, "text": "a", "other": 1}]).to_parquet(tmp_path / "new.parquet")
    (tmp_path / "new.csv").write_text("text\na\n")
    config = config_of(tmp_path, format="jsonl", fields=fields)
    assert [r["row_id"] for r in iterate_texts(tmp_path / "new.parquet", config)] == ["7"]
    assert [r["row_id"] for r in iterate_texts(tmp_path / "new.csv", config)] == ["new.csv:1"]


def test_a_folder_of_texts_needs_no_labels(tmp_path: Path) -> None:
    (tmp_path / "texts" / "deep").mkdir(parents=True)
    (tmp_path / "texts" / "a.txt").write_text("one")
    (tmp_path / "texts" / "deep" / "b.txt").write_text("two")
    found = [(r["row_id"], r["text"]) for r in iterate_texts(tmp_path / "texts", config_of(tmp_path))]
    assert found == [("a.txt", "one"), ("deep/b.txt", "two")]


@pytest.mark.parametrize(
    ("name", "content", "dialect"),
    [
        ("new.csv", "id;text\n1;a, b\n2;c", {}),
        ("new.tsv", 'text\n"a, b"\nc', {}),
        ("new.csv", 'x,"a, b"\ny,c\n', {"columns": ["label", "text"]}),
        ("new.json", '[{"text": "a, b"}, {"text": "c"}]', {}),
        ("new.json", '{"text": {"0": "a, b", "1": "c"}}', {}),
        ("new.txt", "text\na, b\nc\n", {}),
        ("new.txt", "a, b\nc\n", {"columns": ["text"]}),
        ("new.txt", "a, b\nc\n", {"columns": ["text"], "delimiter": "none"}),
    ],
)
def test_dialects_as_in_training(tmp_path: Path, name: str, content: str, dialect: dict[str, Any]) -> None:
    (tmp_path / name).write_text(content)
    config = config_of(tmp_path, dialect=DialectConfig(**dialect))
    assert [r["text"] for r in iterate_texts(tmp_path / name, config)] == ["a, b", "c"]


def test_what_is_recognised_is_told_before_anything_is_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "new.csv").write_text("id;text\n1;a\n2;b\n")
    assert count_texts(tmp_path / "new.csv", config_of(tmp_path)) == 2
    assert (
        capsys.readouterr().out
        == "note: new.csv: the delimiter is the semicolon, not the comma\n    data.dialect.delimiter=semicolon\n"
    )


def test_messages_come_along(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "q"}]
    path = write_jsonl(tmp_path / "new.jsonl", [{"chat": messages}])
    (found,) = iterate_texts(path, config_of(tmp_path, fields=FieldsConfig(messages="chat")))
    assert (found["text"], found["messages"]) == ("user: q", messages)


def test_nothing_is_read_ahead(tmp_path: Path) -> None:
    """The broken line far down is not met while the first rows are taken."""
    path = write_jsonl(tmp_path / "new.jsonl", [row(n) for n in range(1000)])
    path.write_text(path.read_text() + "{broken\n")
    rows = iterate_texts(path, config_of(tmp_path))
    assert len(list(itertools.islice(rows, 1000))) == 1000
    with pytest.raises(UserError, match="line 1001: broken JSON"):
        next(rows)


def test_bad_rows_stop_or_are_left_out(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "new.jsonl", [{"text": "a"}, {"text": ""}, {"text": "c"}])
    with pytest.raises(UserError, match=r"new\.jsonl:2: there is no text in 'text'"):
        list(iterate_texts(path, config_of(tmp_path)))
    kept = iterate_texts(path, config_of(tmp_path, bad_rows="drop"))
    assert [r["row_id"] for r in kept] == ["new.jsonl:1", "new.jsonl:3"]


def test_a_missing_file_is_named_before_anything_is_read(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "new.jsonl", [row(1)])
    with pytest.raises(UserError, match=r"there is no .*nwe\.jsonl; did you mean new\.jsonl"):
        iterate_texts(tmp_path / "nwe.jsonl", config_of(tmp_path))


def test_a_text_per_line_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("one, two\nanother\n")
    with pytest.raises(
        UserError, match=r"first line is 'one, two'.*If every line is a text: 'data\.dialect\.columns=\[text\]'"
    ):
        list(iterate_texts(tmp_path / "new.txt", config_of(tmp_path)))
