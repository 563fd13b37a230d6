"""A folder per label: texts are texts, and no class vanishes without a word."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from data.made_up_files import config_of
from headtohead.config.data import LabelsConfig
from headtohead.config.dialect import DialectConfig
from headtohead.data import load_corpus
from headtohead.data.files.encodings import Encodings
from headtohead.data.files.input_file import Reading
from headtohead.data.files.row_reading import read_records
from headtohead.errors import UserError
from headtohead.notices import Notice


def write(folder: Path, **files: str | bytes) -> Path:
    """Write files, named as keys with ``__`` for the slash and ``_`` for the dot."""
    for key, content in files.items():
        path = folder / key.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def read(folder: Path, *wanted: str, **dialect: Any) -> tuple[list[tuple[str, str]], list[Notice]]:
    """Return path and label of every text, and what was said."""
    reading = Reading(Encodings(["utf-8"]), dialect=DialectConfig(**dialect))
    records = list(read_records(folder, "", reading, wanted or ("text", "label")))
    return [(record.values["path"], record.values["label"]) for record in records], reading.notices


def mails(folder: Path) -> Path:
    """Write each mail as text and as JSON, as a public corpus of mails comes."""
    for n in range(20):
        kind = "spam" if n % 2 else "ham"
        write(folder, **{f"{kind}__{n}_txt": f"mail number {n}", f"{kind}__{n}_json": f'{{"body": "mail number {n}"}}'})
    return folder


def test_of_twins_only_the_text_is_taken(tmp_path: Path) -> None:
    found, (said,) = read(mails(tmp_path))
    assert len(found) == 20
    assert all(path.endswith(".txt") for path, _ in found)
    assert "not taken as texts by their endings: 20 .json" in said.text
    corpus = load_corpus(config_of(tmp_path, labels=LabelsConfig()), tmp_path / ".cache")
    assert sum(corpus.ledger["rows"].values()) == 20
    assert [notice.text for notice in corpus.notices if ".json" in notice.text] == [said.text]


def test_twins_that_may_both_be_texts_are_refused(tmp_path: Path) -> None:
    write(tmp_path, pos__a="one", pos__a_txt="one", neg__b="two")
    with pytest.raises(
        UserError, match=r"pos/a and pos/a\.txt.*training and in test.*'data\.dialect\.endings=\[none\]'"
    ):
        read(tmp_path)
    assert [path for path, _ in read(tmp_path, endings=["none"])[0]] == ["neg/b", "pos/a"]
    found, (said,) = read(tmp_path, endings=["none", ".txt"])
    assert len(found) == 3
    assert said.leads


def test_endings_that_are_no_plain_text(tmp_path: Path) -> None:
    write(tmp_path / "one", pos__a_md="one", neg__b_md="two")
    assert len(read(tmp_path / "one")[0]) == 2
    write(tmp_path / "two", pos__a_md="one", neg__b_html="two")
    with pytest.raises(UserError, match=r"several kinds of files .*1 \.md.*'data\.dialect\.endings=\[\.html\]'"):
        read(tmp_path / "two")
    assert read(tmp_path / "two", endings=[".md"])[0] == [("pos/a.md", "pos")]
    write(tmp_path / "tables", train__a_csv="text,label", test__b_csv="text,label")
    with pytest.raises(UserError, match=r"holds no texts but 2 \.csv files.*data\.files\.train=test/b\.csv"):
        read(tmp_path / "tables")


def test_files_named_by_numbers_have_no_ending(tmp_path: Path) -> None:
    for name in ("51060", "1.", "0001.7c53336b37003a9286aba55d2945844c"):
        (tmp_path / "a").mkdir(exist_ok=True)
        (tmp_path / "a" / name).write_text(name)
    assert len(read(tmp_path)[0]) == 3


def test_binary_and_hidden_files_are_skipped_and_said(tmp_path: Path) -> None:
    write(tmp_path, pos__a_txt="one", pos__b_txt=b"\x00\x01\x02\xff", neg__c_txt="two", pos___DS_Store="x")
    found, said = read(tmp_path)
    assert [path for path, _ in found] == ["neg/c.txt", "pos/a.txt"]
    texts = " ".join(notice.text for notice in said)
    assert "hidden files are skipped (1, such as pos/.DS.Store)" in texts
    assert "files of binary data are no texts and are skipped (1, such as pos/b.txt)" in texts


def test_utf16_is_text(tmp_path: Path) -> None:
    write(tmp_path, pos__a_txt="ümläut".encode("utf-16"), neg__b_txt="plain")
    records = read_records(tmp_path, "", Reading(Encodings(["utf-8"])), ("text", "label"))
    assert [record.values["text"] for record in records] == ["plain", "ümläut"]


def test_deeper_folders_belong_to_the_first(tmp_path: Path) -> None:
    write(tmp_path, pos__2020__a_txt="one", neg__b_txt="two")
    found, (said,) = read(tmp_path)
    assert found == [("neg/b.txt", "neg"), ("pos/2020/a.txt", "pos")]
    assert "(1, such as pos/2020/a.txt: 'pos')" in said.text


def test_a_folder_without_texts_is_said_first(tmp_path: Path) -> None:
    write(tmp_path, pos__a_txt="one", neg__b_txt="two", neutral__c_txt=b"\0\0")
    (tmp_path / "mixed").mkdir()
    _, said = read(tmp_path)
    (leading,) = (notice for notice in said if notice.leads)
    assert "2 folders hold no text, so they give no label: mixed, neutral" in leading.text


def test_links(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", a_txt="one")
    write(tmp_path / "data", neg__b_txt="two")
    (tmp_path / "data" / "pos").symlink_to(tmp_path / "elsewhere")
    assert [label for _, label in read(tmp_path / "data")[0]] == ["neg", "pos"]
    (tmp_path / "data" / "neg" / "gone.txt").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"neg/gone\.txt is a link that leads nowhere"):
        read(tmp_path / "data")
    (tmp_path / "data" / "neg" / "gone.txt").unlink()
    (tmp_path / "data" / "neg" / "loop").symlink_to(tmp_path / "data")
    with pytest.raises(UserError, match=r"neg/loop is a link to a folder that it lies in"):
        read(tmp_path / "data")


UNREADABLE = """
import os, sys
from pathlib import Path
sys.path.insert(0, "tests")
from headtohead.data.files.folders import walk
from headtohead.data.files.encodings import Encodings
from headtohead.errors import UserError
if os.geteuid() == 0:
    os.seteuid(65534)  # root may read everything
try:
    [Encodings(["utf-8"]).of(path) for path in walk(Path(sys.argv[1])).files]
except UserError as error:
    print(error)
"""


@pytest.mark.parametrize("locked", ["pos", "pos/a.txt"])
def test_what_may_not_be_read_is_named(tmp_path: Path, locked: str) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == tmp_path.owner() and folder != Path("/tmp"):
            os.chmod(folder, 0o755)
    write(tmp_path, pos__a_txt="one", neg__b_txt="two")
    (tmp_path / locked).chmod(0)
    done = subprocess.run([sys.executable, "-c", UNREADABLE, str(tmp_path)], capture_output=True, text=True)
    (tmp_path / locked).chmod(0o755)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{tmp_path / locked} cannot be read" in done.stdout
    assert "Permission denied" in done.stdout


def test_without_labels_every_text_counts(tmp_path: Path) -> None:
    write(tmp_path, a_txt="one", deep__b_txt="two", c_png=b"\x89PNG\0")
    assert read(tmp_path, "text")[0] == [("a.txt", None), ("deep/b.txt", "deep")]
