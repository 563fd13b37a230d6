"""Compressed files are read as what they hold, and what cannot be read is named."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shlex
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas
import pyarrow
import pytest

from headtohead.data.files.encodings import Encodings
from headtohead.data.files.input_file import Reading
from headtohead.data.files.row_reading import read_records
from headtohead.errors import UserError

CSV = "text,label\n" + "".join(f'"text {n}, ümläut",{"ab"[n % 2]}\n' for n in range(50))
JSONL = "".join(f'{{"text": "text {n}, ümläut", "label": "{"ab"[n % 2]}"}}\n' for n in range(50))


def zipped(content: bytes) -> bytes:
    from io import BytesIO

    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._rows.csv", "x")
        archive.writestr("folder/rows.csv", content)
    return buffer.getvalue()


def zstd(content: bytes) -> bytes:
    return bytes(pyarrow.compress(content, codec="zstd", asbytes=True))


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstd,
}


def read(path: Path) -> list[dict[str, object]]:
    return [record.values for record in read_records(path, "rows", Reading(Encodings(["utf-8"])), ("text", "label"))]


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize(("ending", "content"), [(".csv", CSV), (".jsonl", JSONL)])
def test_every_packing_gives_the_same_rows(tmp_path: Path, packing: str, ending: str, content: str) -> None:
    (tmp_path / f"plain{ending}").write_text(content)
    packed = tmp_path / f"rows{ending}{packing}"
    packed.write_bytes(PACKERS[packing](content.encode()))
    assert read(packed) == read(tmp_path / f"plain{ending}")
    misnamed = tmp_path / f"rows{ending}"  # the bytes count, not the name
    misnamed.write_bytes(packed.read_bytes())
    assert read(misnamed) == read(packed)


def test_a_zip_of_one_file(tmp_path: Path) -> None:
    (tmp_path / "rows.zip").write_bytes(zipped(CSV.encode()))
    assert len(read(tmp_path / "rows.zip")) == 50
    with zipfile.ZipFile(tmp_path / "rows.zip", "a") as archive:
        archive.writestr("test.csv", CSV)
    with pytest.raises(UserError, match=r"holds 2 files \(folder/rows\.csv, test\.csv\).*unzip .*data\.source\.name="):
        read(tmp_path / "rows.zip")


def test_parquet_compressed_as_a_whole(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"text": ["a", "b"], "label": ["x", "y"]})
    frame.to_parquet(tmp_path / "rows.parquet")
    (tmp_path / "rows.parquet.gz").write_bytes(gzip.compress((tmp_path / "rows.parquet").read_bytes()))
    (tmp_path / "rows.csv").write_bytes((tmp_path / "rows.parquet").read_bytes())
    for name in ("rows.parquet.gz", "rows.csv"):
        assert read(tmp_path / name) == frame.to_dict("records")


@pytest.mark.parametrize("packing", PACKERS)
def test_a_damaged_file_is_named(tmp_path: Path, packing: str) -> None:
    path = tmp_path / f"rows.csv{packing}"
    packed = PACKERS[packing](CSV.encode() * 50)
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(UserError, match=r"rows\.csv\..* cannot be read: "):
        read(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [("rows.xlsx", b""), ("rows.ods", b"PK"), ("rows.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old Excel")],
)
def test_spreadsheets_are_refused_by_name(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name} is a spreadsheet.*Save the sheet as CSV"):
        read(tmp_path / name)


def test_a_spreadsheet_called_csv_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "rows.csv", "w") as archive:
        archive.writestr("[Content_Types].xml", "")
        archive.writestr("xl/workbook.xml", "")
    with pytest.raises(UserError, match="Save the sheet as CSV"):
        read(tmp_path / "rows.csv")


def test_the_command_that_converts_a_spreadsheet_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "it's mine.xlsx"
    path.write_bytes(b"")
    with pytest.raises(UserError) as raised:
        read(path)
    python, option, program = shlex.split(str(raised.value).rpartition("installed: ")[2])
    assert (python, option) == ("python", "-c")
    compile(program, "printed", "exec")
    assert repr(str(path.with_suffix(".jsonl"))) in program
