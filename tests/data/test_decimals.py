"""Numbers with a decimal comma: recognised where every number allows it, never guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headtohead.config.data import DataConfig, FieldsConfig, LabelsConfig
from headtohead.config.dialect import DialectConfig
from headtohead.data.files.input_file import Reading
from headtohead.data.files.row_reading import read_records
from headtohead.errors import UserError


def scores(tmp_path: Path, values: list[str], kind: str = "real", **dialect: Any) -> tuple[list[str], list[str]]:
    """Return the scores as they are read, and the commands of what was said."""
    path = tmp_path / "rows.csv"
    path.write_text("text;score\n" + "".join(f"text, {n};{value}\n" for n, value in enumerate(values)))
    config = DataConfig(
        fields=FieldsConfig(label="score"), labels=LabelsConfig(kind=kind), dialect=DialectConfig(**dialect)
    )
    reading = Reading.of(config)
    found = [record.values["score"] for record in read_records(path, "rows", reading, ("text", "score"))]
    return found, [notice.command for notice in reading.notices if "decimal" in notice.command]


@pytest.mark.parametrize(
    ("values", "read"),
    [
        (["3,5", "4", "-0,25"], ["3.5", "4", "-0.25"]),
        (["1.234,5", "7,25"], ["1234.5", "7.25"]),
        (["1,234", "2,5"], ["1.234", "2.5"]),  # the second settles what the first means
    ],
)
def test_a_comma_in_every_broken_number_is_certain(tmp_path: Path, values: list[str], read: list[str]) -> None:
    assert scores(tmp_path, values) == (read, ["data.dialect.decimal=comma"])
    assert scores(tmp_path, values, "ordinal")[0] == read


@pytest.mark.parametrize("values", [["3.5", "4"], ["3,5", "3.5"], ["3,5", "much"], ["1", "2"], ["3,5,6"]])
def test_anything_else_stays_as_it_is(tmp_path: Path, values: list[str]) -> None:
    assert scores(tmp_path, values) == (values, [])


def test_labels_that_are_no_numbers_keep_their_commas(tmp_path: Path) -> None:
    for kind in ("single", "multi"):
        assert scores(tmp_path, ["1,2", "3,4"], kind) == (["1,2", "3,4"], [])


def test_thousands_or_decimals_is_asked(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'1,234' in 'score' is 1\.234 or 1234: set data\.dialect\.decimal=comma"):
        scores(tmp_path, ["1,234", "5,678", "7"])
    assert scores(tmp_path, ["1,234", "7"], decimal="comma")[0] == ["1.234", "7"]
    assert scores(tmp_path, ["1,234", "7"], decimal="point")[0] == ["1,234", "7"]
