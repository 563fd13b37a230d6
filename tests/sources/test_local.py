"""Sources on this disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from headtohead.config.source import SourceConfig
from headtohead.errors import UserError
from headtohead.sources import fetch


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "rows.csv").write_text("x")
    fetched = fetch(
        SourceConfig(kind="path", name=str(tmp_path), inside="inside"), tmp_path / "cache", setting="data.source"
    )
    assert fetched.path == tmp_path / "inside"
    assert (fetched.kind, fetched.revision, fetched.sha256) == ("path", None, None)
    assert not (tmp_path / "cache").exists()


def test_a_missing_path_names_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text("x")
    with pytest.raises(UserError, match=r"there is no .*review\.csv; did you mean reviews\.csv\?"):
        fetch(SourceConfig(kind="path", name=str(tmp_path / "review.csv")), tmp_path, setting="data.source")
    with pytest.raises(UserError, match=r"there is no folder .*nowhere either"):
        fetch(SourceConfig(kind="path", name=str(tmp_path / "nowhere" / "review.csv")), tmp_path, setting="data.source")


def test_a_source_without_a_name_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.source\.name is empty"):
        fetch(SourceConfig(kind="path"), tmp_path, setting="data.source")
