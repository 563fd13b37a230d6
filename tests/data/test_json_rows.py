"""JSON however it is written: lines, arrays, pandas' orientations, rows somewhere inside, columns inside others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas
import pytest

from headtohead.config.dialect import DialectConfig
from headtohead.data.files.encodings import Encodings
from headtohead.data.files.input_file import Reading
from headtohead.data.files.row_reading import read_records
from headtohead.errors import UserError

FRAME = pandas.DataFrame({"text": ["one", "two, ümläut", "three"], "label": ["a", "b", "a"]})
ROWS = FRAME.to_dict("records")


def read(path: Path, wanted: tuple[str, ...] = ("text", "label"), **dialect: Any) -> tuple[list[Any], list[str]]:
    """Return the wanted values of each row, and the commands of what was said of the file."""
    reading = Reading(Encodings(["utf-8"]), dialect=DialectConfig(**dialect))
    records = list(read_records(path, path.name, reading, wanted))
    return [{name: record.values[name] for name in wanted} for record in records], [n.command for n in reading.notices]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("orient", ["records", "columns", "index", "split", "table"])
def test_pandas_orientations_are_recognised(tmp_path: Path, orient: Any, indent: int | None) -> None:
    path = tmp_path / "rows.json"
    FRAME.to_json(path, orient=orient, indent=indent)
    rows, said = read(path)
    assert rows == ROWS
    assert said == ([] if orient == "records" else [f"data.dialect.orientation={orient}"])
    assert read(path, orientation=orient)[0] == ROWS
    wrong = "split" if orient != "split" else "index"
    with pytest.raises(UserError, match=f"is not written in data.dialect.orientation={wrong}"):
        read(path, orientation=wrong)


def test_columns_as_lists(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(FRAME.to_dict("list")))
    assert read(path) == (ROWS, ["data.dialect.orientation=columns"])


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl", "rows.ndjson"])
@pytest.mark.parametrize("indent", [None, 1])
def test_an_array_is_rows_whatever_the_ending(tmp_path: Path, name: str, indent: int | None) -> None:
    (tmp_path / name).write_text(json.dumps(ROWS, indent=indent))
    assert read(tmp_path / name) == (ROWS, [])


def test_objects_over_several_lines_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text("\n".join(json.dumps(row, indent=2) for row in ROWS) + "\n")
    assert read(tmp_path / "rows.json") == (ROWS, [])


def test_a_single_object_is_one_row(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "hello"}]
    for row in (ROWS[0], {"text": messages, "label": ["a", "b"]}):
        (tmp_path / "rows.jsonl").write_text(json.dumps(row))
        assert read(tmp_path / "rows.jsonl") == ([row], [])


def test_columns_inside_a_document_are_no_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"train": FRAME.to_dict("list")}))
    with pytest.raises(UserError, match=r"no column 'text'.*train\.text"):
        read(path)
    assert read(path, rows_at="train")[0] == ROWS


def test_rows_inside_a_document(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"version": 1, "data": {"items": ROWS}}, indent=1))
    assert read(path) == (ROWS, ["data.dialect.rows_at=data.items"])
    assert read(path, rows_at="data.items")[0] == ROWS
    with pytest.raises(UserError, match=r"rows_at=data\.rows: .* has nothing there; it has version, data"):
        read(path, rows_at="data.rows")
    path.write_text(json.dumps({"version": 1, "items": ROWS}))
    assert read(path) == (ROWS, ["data.dialect.rows_at=items"])
    path.write_text(json.dumps({"page": {"links": [{"next": 2}], "body": {"rows": ROWS}}}))
    assert read(path) == (ROWS, ["data.dialect.rows_at=page.body.rows"])
    path.write_text(json.dumps({"train": {"rows": ROWS}, "test": {"rows": ROWS}}))
    with pytest.raises(UserError, match=r"'train\.rows' of text, label; 'test\.rows' of .*rows_at=train\.rows"):
        read(path)
    path.write_text(json.dumps({"train": ROWS, "test": ROWS}))
    with pytest.raises(
        UserError, match=r"lists of rows in it: 'train' of text, label; 'test' of .*Set data\.dialect\.rows_at=train"
    ):
        read(path)


def test_lists_need_names(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    for content in (
        json.dumps([list(row.values()) for row in ROWS]),
        "\n".join(json.dumps(list(row.values())) for row in ROWS),
    ):
        path.write_text(content)
        assert read(path, columns=["text", "label"])[0] == ROWS
        records = list(read_records(path, "rows", Reading(Encodings(["utf-8"])), ("text",)))
        line = "found list of 2 values; name them in their order, such as 'data.dialect.columns=[text,label]'"
        assert [str(record.fault).endswith(line) for record in records] == [True] * 3


def test_columns_inside_others_are_named_with_dots(tmp_path: Path) -> None:
    nested = [{"review": {"body": row["text"]}, "answers": [{"label": row["label"]}]} for row in ROWS]
    expected = [{"review.body": row["text"], "answers.0.label": row["label"]} for row in ROWS]
    wanted = ("review.body", "answers.0.label")
    (tmp_path / "lines.jsonl").write_text("\n".join(map(json.dumps, nested)))
    (tmp_path / "array.json").write_text(json.dumps(nested, indent=2))
    for name in ("lines.jsonl", "array.json"):
        assert read(tmp_path / name, wanted) == (expected, [])
    pandas.DataFrame(nested).to_parquet(tmp_path / "rows.parquet")
    assert read(tmp_path / "rows.parquet", wanted) == (expected, [])
    with pytest.raises(UserError, match=r"no column 'review\.bdy'; did you mean 'review\.body'"):
        read(tmp_path / "rows.parquet", ("review.bdy",))
    with pytest.raises(UserError, match=r"no column 'review\.bdy'; did you mean 'review\.body'"):
        read(tmp_path / "lines.jsonl", ("review.bdy",))


def test_a_column_may_come_late_but_must_come(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n' * 3000 + '{"text": "b", "label": "x"}\n')
    records = list(read_records(path, "rows", Reading(Encodings(["utf-8"])), ("text", "label")))
    assert [record.row_id for record in records if "label" in record.values] == ["rows:3001"]
    path.write_text('{"text": "a"}\n' * 3000)
    with pytest.raises(UserError, match="no column 'label'"):
        list(read_records(path, "rows", Reading(Encodings(["utf-8"])), ("text", "label")))


def test_a_table_called_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("text,label\na,b\n")
    with pytest.raises(UserError, match=r"is no JSON: it begins with 'text,label'.*data\.format=csv"):
        read(tmp_path / "rows.jsonl")
