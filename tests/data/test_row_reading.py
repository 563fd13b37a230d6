"""Every format gives the same rows, and what is broken is named by file and row."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pandas
import pytest

from data.made_up_files import write_jsonl
from headtohead.data.files.encodings import Encodings
from headtohead.data.files.input_file import Reading
from headtohead.data.files.raw_row import Record
from headtohead.data.files.row_reading import read_records
from headtohead.data.text import RowError
from headtohead.errors import UserError

ROWS = [
    {"text": "plain", "label": "a"},
    {"text": 'quoted "words", commas\tand tabs', "label": "b"},
    {"text": "two\nlines, ümläut and 漢字", "label": "a"},
]


def read(path: Path, declared: str = "auto", columns: tuple[str, ...] = ("text", "label")) -> list[Record]:
    return list(read_records(path, path.name, Reading(Encodings(["utf-8"]), declared), columns))


def write_table(path: Path, delimiter: str, further: tuple[list[str], ...] = ()) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([["text", "label"], *further, *([row["text"], row["label"]] for row in ROWS)])
    return path


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "tsv", "tab", "parquet"])
def test_formats_agree(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows.{ending}"
    match ending:
        case "jsonl" | "json":
            write_jsonl(path, ROWS)
        case "csv":
            write_table(path, ",")
        case "tsv":
            write_table(path, "\t")
        case "tab":
            write_table(path, "\t", (["string", "d"], ["", "class"]))
        case _:
            pandas.DataFrame(ROWS).to_parquet(path)
    records = read(path)
    assert [record.values for record in records] == ROWS
    assert [record.row_id for record in records] == [f"rows.{ending}:{number}" for number in (1, 2, 3)]


def test_a_folder_per_label(tmp_path: Path) -> None:
    for name, text in {"b/2.txt": "two", "a/1.txt": "one", "a/deep/3.txt": "three", "a/.hidden": "x"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "README").write_text("no row: it lies beside the labels' folders")
    records = [(record.row_id, record.values["text"], record.values["label"]) for record in read(tmp_path)]
    name = tmp_path.name
    assert records == [
        (f"{name}/a/1.txt", "one", "a"),
        (f"{name}/a/deep/3.txt", "three", "a"),
        (f"{name}/b/2.txt", "two", "b"),
    ]


def test_a_folder_without_labels_says_what_is_needed(tmp_path: Path) -> None:
    (tmp_path / "1.txt").write_text("one")
    with pytest.raises(UserError, match=r"has no sub-folders with files.*data\.files\.train=1\.txt"):
        read(tmp_path)


def test_blank_lines_are_skipped_but_counted(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "a", "label": 1}\n\n  \r\n{"text": "b", "label": 2}\r\n')
    assert [record.row_id for record in read(tmp_path / "rows.jsonl")] == ["rows.jsonl:1", "rows.jsonl:4"]


def test_a_mark_at_the_start_of_utf8_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes("\ufefftext,label\na,b\n".encode())
    assert read(tmp_path / "rows.csv")[0].values == {"text": "a", "label": "b"}


def test_only_columns_in_use_are_read_of_parquet(tmp_path: Path) -> None:
    pandas.DataFrame([{**row, "id": 1, "embedding": [0.0] * 100} for row in ROWS]).to_parquet(tmp_path / "rows.parquet")
    reading = Reading(Encodings(["utf-8"]))
    records = read_records(tmp_path / "rows.parquet", "rows", reading, ("text",), ("id",))
    assert [set(record.values) for record in records] == [{"text", "id"}] * 3


@pytest.mark.parametrize(
    ("name", "content", "broken", "said"),
    [
        (
            "rows.jsonl",
            b'{"text": "a", "label": 1}\n{"text": "b", \n',
            "rows.jsonl:2",
            "line 2: broken JSON, Expecting",
        ),
        (
            "rows.jsonl",
            b'["a", "b"]\n{"text": "a", "label": 1}\n',
            "rows.jsonl:1",
            "one JSON object per line .*found list",
        ),
        (
            "rows.jsonl",
            b'{"text": "a", "label": 1}\n{"text": "b", "label": 1, "label": 2}',
            "rows.jsonl:2",
            "'label' .*twice",
        ),
        ("rows.csv", b"text,label\na,b\na,b,c\n", "rows.csv:2", "line 3: 3 fields where the header has 2"),
        ("rows.csv", b"text,label\na\na,b\n", "rows.csv:1", "line 2: 1 field where the header has 2"),
        (
            "rows.csv",
            b'text,label\n"a, b",c\n"a,b\n',
            "rows.csv:2",
            "line 3: a quote is opened and not closed .*quoting=none",
        ),
        (
            "rows.csv",
            b'text,label\n"a"x,b\n"a, b",c\n',
            "rows.csv:1",
            "line 2: text follows a closing quote .*quoting=none",
        ),
        ("rows.csv", b"text,label\na,b\na\0c,b\n", "rows.csv:2", "line 3: a NUL byte"),
    ],
)
def test_a_broken_row_is_one_row(tmp_path: Path, name: str, content: bytes, broken: str, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    records = read(tmp_path / name)
    assert [record.row_id for record in records if record.fault] == [broken]
    assert len(records) == 2
    (fault,) = (record.fault for record in records if record.fault)
    assert re.search(said, str(fault))
    with pytest.raises(RowError):
        next(record for record in records if record.fault).values  # noqa: B018


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.json", b'[\n{"text": "a"}\n]', r"rows\.json has no column 'label'.*Choices: text"),
        ("rows.json", b'[{"text": "a"},\n {"text": }]', r"rows\.json, line 2: broken JSON, Expecting value"),
        (
            "rows.jsonl",
            b'{"txt": "a", "label": 1}\n',
            r"rows\.jsonl has no column 'text'; did you mean 'txt'.*Choices: label",
        ),
        ("rows.csv", b"text,label,label\na,b,c\n", r"the header names the column 'label' twice"),
        ("rows.csv", b"Text,label\na,b\n", r"no column 'text'; did you mean 'Text'"),
        ("rows.parquet", b"text,label\na,b\n", r"rows\.parquet cannot be read as Parquet"),
        ("rows.md", b"", r"the ending '\.md' does not tell the format \(known: \.jsonl, .*set data\.format"),
        ("rows.xlsx", b"", r"rows\.xlsx is a spreadsheet, which is not read\. Save the sheet as CSV"),
    ],
)
def test_what_is_broken_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"(?s){message}"):
        read(tmp_path / name)


def test_a_declared_format_overrides_the_ending(tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_text("text,label\na,b\n")
    assert read(tmp_path / "rows.txt", "csv")[0].values == {"text": "a", "label": "b"}


def test_a_wrong_encoding_names_file_offset_and_a_way_out(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"text,label\n" + b"x" * (1 << 20) + "£5".encode("cp1252") + b",a\n")
    with pytest.raises(UserError) as raised:
        Encodings(["utf-8"]).of(path)
    assert f"{path}: the byte at offset {11 + (1 << 20)} (0xa3) is not valid utf-8" in str(raised.value)
    assert "data.encodings=[utf-8,cp1252]" in str(raised.value)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_two_bytes_a_letter_leave_no_doubt(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("text,label\nça va,漢\n".encode(encoding))
    encodings = Encodings(["utf-8"])
    assert encodings.of(path) == encoding
    assert encodings.exceptions == {f"{tmp_path.name}/rows.csv": encoding}
    reading = Reading(encodings)
    records = list(read_records(path, path.name, reading, ("text", "label")))
    assert [record.values for record in records] == [{"text": "ça va", "label": "漢"}]
    assert [notice.text for notice in reading.notices] == [
        f"rows.csv: the encoding is {encoding}, as its first bytes say"
    ]


def test_encodings_are_tried_in_order_and_exceptions_noted(tmp_path: Path) -> None:
    encodings = Encodings(["utf-8", "cp1252"])
    for name, content in {"a.txt": "£".encode(), "b.txt": "£".encode("cp1252")}.items():
        (tmp_path / name).write_bytes(content)
    assert [encodings.of(tmp_path / name) for name in ("a.txt", "b.txt")] == ["utf-8", "cp1252"]
    assert encodings.exceptions == {f"{tmp_path.name}/b.txt": "cp1252"}


def test_a_character_split_between_pieces_is_whole(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"x" * ((1 << 20) - 1) + "漢".encode() * 10)
    assert Encodings(["utf-8"]).of(tmp_path / "a.txt") == "utf-8"
    (tmp_path / "b.txt").write_bytes(b"x" * ((1 << 20) - 1) + "漢".encode()[:2])
    with pytest.raises(UserError, match=f"offset {(1 << 20) - 1} "):
        Encodings(["utf-8"]).of(tmp_path / "b.txt")
