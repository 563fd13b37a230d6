"""Notices reach the terminal, the record and the page, in that form."""

from pathlib import Path

from headtohead.notices import Notice
from headtohead.reporting import write_report
from headtohead.results import RunRecord, write_record


def test_it_reads_back_what_it_stores() -> None:
    notice = Notice(text="all rows were cut", command="prompt.max_tokens=128")
    assert Notice.from_dict(notice.as_dict()) == notice


def test_the_terminal_shows_the_line_to_type_by_itself() -> None:
    assert str(Notice(text="cut", command="a=1")).splitlines() == ["warning: cut", "    a=1"]
    assert str(Notice(text="seen", leads=False)) == "note: seen"


def test_the_page_leads_with_what_changes_how_numbers_are_read(tmp_path: Path) -> None:
    record = RunRecord(name="a", fingerprint="0", status="completed", config={})
    record.metrics = {"test": {"accuracy": {"value": 0.5, "low": None, "high": None}}}
    record.notices = [Notice(text="<b>cut</b>").as_dict(), Notice(text="a small matter", leads=False).as_dict()]
    write_record(tmp_path / "result.json", record)
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert page.index("&lt;b&gt;cut&lt;/b&gt;") < page.index('class="lead"') < page.index("a small matter")
