"""Notices reach the terminal, the record and the page, in that form."""

from pathlib import Path

import pytest

from headtohead.notices import Notice
from headtohead.reporting import write_report
from headtohead.results import RunRecord, write_record


def test_it_reads_back_what_it_stores() -> None:
    notice = Notice(text="all rows were cut", command="prompt.max_tokens=128")
    assert Notice.from_dict(notice.as_dict()) == notice


def test_the_terminal_shows_the_line_to_type_by_itself() -> None:
    assert str(Notice(text="cut", command="a=1")).splitlines() == ["warning: cut", "    a=1"]
    assert str(Notice(text="seen", leads=False)) == "note: seen"


@pytest.mark.parametrize(
    ("text", "other", "is_same"),
    [
        ("2 rows were cut", "1,204 rows were cut", True),
        ("TF-IDF wins by .375: train longer", "TF-IDF wins by 0.02: train longer", True),
        ("60% of the text was not read", "6.5% of the text was not read", True),
        ("label a has 3 rows", "label b has 3 rows", False),
        ("2 rows were cut", "2 rows were dropped", False),
    ],
)
def test_its_kind_is_what_it_says_in_whatever_figures(text: str, other: str, is_same: bool) -> None:
    assert (Notice(text=text).kind == Notice(text=other).kind) == is_same


def test_the_page_leads_with_what_changes_how_numbers_are_read(tmp_path: Path) -> None:
    record = RunRecord(name="a", fingerprint="0", status="completed", config={})
    record.metrics = {"test": {"accuracy": {"value": 0.5, "low": None, "high": None}}}
    record.notices = [Notice(text="<b>cut</b>").as_dict(), Notice(text="a small matter", leads=False).as_dict()]
    write_record(tmp_path / "result.json", record)
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert page.index("&lt;b&gt;cut&lt;/b&gt;") < page.index('class="lead"') < page.index("a small matter")
