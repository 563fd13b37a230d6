"""How tables are written: recognised and said where certain, refused with the setting to type where not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headtohead.config.dialect import DialectConfig
from headtohead.data.files.encodings import Encodings
from headtohead.data.files.input_file import Reading
from headtohead.data.files.raw_row import Record
from headtohead.data.files.row_reading import read_records
from headtohead.errors import UserError

CASES = Path(__file__).parent / "cases"
GOOD = [("it works well", "good"), ("it broke", "bad"), ("fine, quite fine", "good"), ('a 12" pizza', "bad")]


def read(path: Path, wanted: tuple[str, ...] = ("text", "label"), **dialect: Any) -> tuple[list[Record], list[str]]:
    """Return the records of a file, and the commands of what was said of it."""
    reading = Reading(Encodings(["utf-8"]), dialect=DialectConfig(**dialect))
    records = list(read_records(path, path.name, reading, wanted))
    return records, [notice.command for notice in reading.notices]


def pairs(path: Path, **dialect: Any) -> list[tuple[str, str]]:
    """Return text and label of the rows, none of which is broken."""
    return [(record.values["text"], record.values["label"]) for record in read(path, **dialect)[0]]


def write(path: Path, lines: list[str], end: str = "\n") -> Path:
    path.write_bytes("".join(line + end for line in lines).encode())
    return path


@pytest.mark.parametrize(
    ("name", "rows", "said"),
    [
        ("stray_quote.tsv", 60, ["data.dialect.quoting=none"]),
        ("unquoted.tsv", 30, ["data.dialect.quoting=none"]),
        ("semicolon.csv", 30, ["data.dialect.delimiter=semicolon"]),
        ("compressed.csv.gz", 30, []),
    ],
)
def test_cases(name: str, rows: int, said: list[str]) -> None:
    records, commands = read(CASES / name)
    assert (len(records), commands) == (rows, said)
    assert len({record.values["label"] for record in records}) == 2
    assert all(
        re.search(r"no\d-\d+\b", record.values["text"]) for record in records
    )  # every text ends in its own number
    assert len({record.values["text"] for record in records}) == rows


def test_a_file_without_header_is_refused_with_the_line_that_reads_it() -> None:
    with pytest.raises(
        UserError, match=r"no_header\.csv has no header: its first row is 'very taste.*' \| 'good'"
    ) as raised:
        read(CASES / "no_header.csv")
    assert "'data.dialect.columns=[text,label]'" in str(raised.value)
    assert len(pairs(CASES / "no_header.csv", columns=["text", "label"])) == 30
    records, _ = read(CASES / "no_header.csv", ("column1", "column2"), header="none")
    assert [tuple(record.values.values()) for record in records] == pairs(
        CASES / "no_header.csv", columns=["text", "label"]
    )


def test_the_first_row_alone_lacks_a_column() -> None:
    records, _ = read(CASES / "late_column.jsonl")
    assert [record.row_id for record in records if "label" not in record.values] == ["late_column.jsonl:1"]


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.txt"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_delimiter_is_found_whatever_the_file_is_called(tmp_path: Path, name: str, delimiter: str) -> None:
    quoted = [f'"{text}"' if delimiter in text else text for text, _ in GOOD]
    lines = [delimiter.join(pair) for pair in [("text", "label"), *zip(quoted, (b for _, b in GOOD), strict=True)]]
    assert pairs(write(tmp_path / name, lines)) == GOOD


def test_a_delimiter_that_fits_no_header_is_a_setting(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", ["text^label", *("^".join(pair) for pair in GOOD)])
    with pytest.raises(UserError, match=r"no column 'text'.*Choices: text\^label.*data\.dialect\.delimiter"):
        read(path)
    assert pairs(path, delimiter="^") == GOOD


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_blank_lines_and_marks_are_no_rows(tmp_path: Path, end: str) -> None:
    path = write(tmp_path / "rows.csv", ["\ufefftext,label", "", "a,x", "  ", "b,y", ""], end)
    assert pairs(path) == [("a", "x"), ("b", "y")]


def test_the_line_by_which_a_spreadsheet_names_the_delimiter(tmp_path: Path) -> None:
    assert pairs(write(tmp_path / "rows.csv", ["sep=;", "text;label", "a, b;x"])) == [("a, b", "x")]


def test_spaces_behind_delimiters_are_no_text(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", ["text, label", '"a, b", "x"', 'c, "y"'])
    assert pairs(path) == [("a, b", "x"), ("c", "y")]


def test_comments(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", ["# made by x", "#, 2 lines", "text,label", "a,x", "#tag,y"])
    records, said = read(path)
    assert [tuple(record.values.values()) for record in records] == [("a", "x"), ("#tag", "y")]
    assert said == ["data.dialect.comment=none"]
    assert pairs(path, comment="#") == [("a", "x")]
    with pytest.raises(UserError, match="no column"):
        read(path, comment="none")


def test_rows_of_several_lines_are_said(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", ["text,label", '"one, with', "a break", 'inside",x', "b,y", "c,x"])
    records, said = read(path)
    assert [record.values["text"] for record in records] == ["one, with\na break\ninside", "b", "c"]
    assert said == ["data.dialect.quoting=none"]


def test_quotes_that_fit_both_ways_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.tsv", ["text\tid", '"one\t1', 'two"\t2', "three\t3", "four\t4"])
    with pytest.raises(
        UserError, match=r"lines 2 to 3 are one row .* 2 rows .*quoting=standard .*quoting=none"
    ) as raised:
        read(path, ("text", "id"))
    assert str(path) in str(raised.value)
    for quoting, rows in (("standard", 3), ("none", 4)):
        assert len(read(path, ("text", "id"), quoting=quoting)[0]) == rows


def test_a_quoted_field_that_happens_to_look_like_rows_stays_one(tmp_path: Path) -> None:
    lines = ["text,label", '"a, b', 'c",good', *(f"text {n},{'good' if n % 2 else 'bad'}" for n in range(8))]
    records, _ = read(write(tmp_path / "rows.csv", lines))
    assert (records[0].values, len(records)) == ({"text": "a, b\nc", "label": "good"}, 9)


def test_quotes_with_a_backslash(tmp_path: Path) -> None:
    lines = ["text,label", r'"he said \"no, thanks\"",bad', r'"a, b",good']
    records, said = read(write(tmp_path / "rows.csv", lines))
    assert [record.values["text"] for record in records] == ['he said "no, thanks"', "a, b"]
    assert said == ["data.dialect.quoting=backslash"]


def test_single_quotes(tmp_path: Path) -> None:
    lines = ["text,label", "'one, two','bad'", "'it''s, fine','good'"]
    assert pairs(write(tmp_path / "rows.csv", lines)) == [("one, two", "bad"), ("it's, fine", "good")]


def test_one_column_needs_no_delimiter(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", ["text", "one, two", "three", "four; five, six"])
    records, _ = read(path, ("text",))
    assert [record.values["text"] for record in records] == ["one, two", "three", "four; five, six"]


def test_names_for_a_header_that_has_others(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", ["Review Text,Review Text", "a,x", "b,y"])
    with pytest.raises(UserError, match="no column 'text'"):
        read(path)
    assert pairs(path, header="first_row", columns=["text", "label"]) == [("a", "x"), ("b", "y")]
    with pytest.raises(UserError, match="names the column 'Review Text' twice"):
        read(path, ("Review Text",))


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.text(st.sampled_from('ab ,;"\n'), min_size=1, max_size=12), min_size=1, max_size=8),
    delimiter=st.sampled_from(",;\t"),
)
def test_what_a_standard_writer_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], delimiter: str
) -> None:
    import csv

    path = tmp_path_factory.mktemp("tables") / "rows.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows([["text", "label"], *([text, "x"] for text in texts)])
    assert pairs(path, quoting="standard") == [(text, "x") for text in texts]


def test_a_title_above_the_header_is_skipped_and_said(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", ["Reviews of 2020", "", "exported on Monday", "text,label", "a,x", "b,y"])
    records, said = read(path, ("label",))
    assert [tuple(record.values.values()) for record in records] == [("a", "x"), ("b", "y")]
    assert said == ["data.dialect.header=first_row"]
    with pytest.raises(UserError, match="no column"):
        read(path, header="first_row")


def test_delimiters_behind_every_row(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", ["text,label", "a,x,", "b,y,"])
    assert pairs(path) == [("a", "x"), ("b", "y")]


def test_rows_that_begin_with_a_name_of_their_own(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", ['"text","label"', '"1","a","x"', '"2","b","y"'])
    with pytest.raises(UserError, match=r"header has 2 names, every row 3 fields") as raised:
        read(path)
    assert "data.dialect.header=first_row 'data.dialect.columns=[row,text,label]'" in str(raised.value)
    assert pairs(path, header="first_row", columns=["row", "text", "label"]) == [("a", "x"), ("b", "y")]


def test_files_that_were_joined_repeat_their_header(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", ["\ufefftext,label", "a,x", "\ufefftext,label", "b,y", "text,x"])
    assert pairs(path) == [("a", "x"), ("b", "y"), ("text", "x")]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rows.csv", "", "rows.csv is empty"),
        ("rows.tsv", "\n \n", "rows.tsv is empty"),
        ("rows.csv", "<!DOCTYPE html>\n<html>", "is a web page"),
        ("rows.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
        (
            "rows.txt",
            "a text without anything\nanother",
            "no column 'text'.*data.dialect.delimiter.*data.dialect.header=none",
        ),
    ],
)
def test_what_is_no_table_is_named(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=said):
        read(tmp_path / name)


def test_json_called_csv_is_json(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", ['{"text": "a, b", "label": "x"}', '{"text": "c", "label": "y"}'])
    assert pairs(path) == [("a, b", "x"), ("c", "y")]


@pytest.mark.parametrize(
    ("inside", "leads"),
    [
        (['"two, with', 'a break"'], False),
        (['"a long', "letter of", 'three lines"'], False),
        (['"one,bad', "two,good", 'three,bad"'], True),  # the middle line looks like a row
        (['"one,good', 'two"'], True),
    ],
)
def test_swallowed_rows_lead_the_page(tmp_path: Path, inside: list[str], leads: bool) -> None:
    others = ['"no, rows",bad', '"so, quotes",good', '"are, quotes\nhere",bad']
    path = write(tmp_path / "rows.csv", ["text,label", *inside[:-1], f"{inside[-1]},good", *others])
    reading = Reading(Encodings(["utf-8"]))
    records = list(read_records(path, path.name, reading, ("text", "label")))
    assert (len(records), [record.fault for record in records]) == (4, [None] * 4)
    (notice,) = reading.notices
    assert notice.text.startswith(f"rows.csv: lines 2 to {1 + len(inside)} are one row, whose quotes hold a field")
    assert (notice.leads, notice.command) == (leads, "data.dialect.quoting=none")


def test_shards_are_told_of_once(tmp_path: Path) -> None:
    reading = Reading(Encodings(["utf-8"]))
    for n in range(30):
        path = write(tmp_path / f"rows{n}.csv", ["text;label", "a;x"])
        list(read_records(path, path.name, reading, ("text", "label")))
    (notice,) = reading.notices
    assert notice.text == "rows0.csv (and 29 more files): the delimiter is the semicolon, not the comma"


@pytest.mark.parametrize("cut", ['"cut', '"cut, te,x', '"cut te,x', "cut"])
def test_a_file_that_was_cut_off_keeps_its_quotes(tmp_path: Path, cut: str) -> None:
    path = write(
        tmp_path / "rows.csv", ['"text","label"', *(f'"{text} {n}","x"' for n in range(9) for text, _ in GOOD[:2]), cut]
    )
    records, _ = read(path)
    assert [record.row_id for record in records if record.fault] == ["rows.csv:19"]
    assert records[0].values == {"text": "it works well 0", "label": "x"}


def test_apostrophes_are_no_quotes(tmp_path: Path) -> None:
    lines = ["text,label", *(f"'tis number {n},bad" for n in range(5)), '"quoted"x, y",good']
    records, said = read(write(tmp_path / "rows.csv", lines))
    assert [record.values["text"] for record in records if not record.fault] == [f"'tis number {n}" for n in range(5)]
    assert said == []


def test_a_header_behind_a_comment_sign_is_no_comment(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", ["# made by x", "#text,label", "a,x", "b,y"])
    with pytest.raises(UserError, match="no column 'text'; did you mean '#text'"):
        read(path)
    assert len(pairs(path, header="first_row", columns=["text", "label"])) == 2


def test_delimiters_that_fit_equally_well_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", ["one, two;good", "three, four;bad", "five, six;good"])
    with pytest.raises(
        UserError, match=r"with the comma .* with the semicolon.*delimiter=comma or data\.dialect\.delimiter=semicolon"
    ):
        read(path, columns=["text", "label"])
    assert pairs(path, columns=["text", "label"], delimiter="semicolon")[0] == ("one, two", "good")
    header = write(tmp_path / "header.csv", ["a, b;c", *path.read_text().splitlines()])
    with pytest.raises(UserError, match="delimiter=comma or"):
        read(header, columns=["text", "label"], header="first_row")


def test_a_text_may_begin_like_a_page(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", ["<br>one,good", "<b>two</b>,bad"])
    assert pairs(path, columns=["text", "label"]) == [("<br>one", "good"), ("<b>two</b>", "bad")]


def test_what_a_setting_swallows_is_said_too() -> None:
    reading = Reading(Encodings(["utf-8"]), dialect=DialectConfig(quoting="standard"))
    assert len(list(read_records(CASES / "stray_quote.tsv", "rows", reading, ("text", "label")))) == 45
    (notice,) = reading.notices
    assert notice.leads
    assert "lines 6 to 11 are one row" in notice.text
