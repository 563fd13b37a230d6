"""Where the cache is, and what a cache folder that cannot be used says."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from headtohead.errors import UserError
from headtohead.sources import cache_root, locked


def test_the_setting_wins_over_the_variable_and_that_over_the_users_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEADTOHEAD_CACHE", raising=False)
    assert cache_root(None) == Path(platformdirs.user_cache_dir("headtohead"))
    monkeypatch.setenv("HEADTOHEAD_CACHE", str(tmp_path / "variable"))
    assert cache_root(None) == tmp_path / "variable"
    assert cache_root(str(tmp_path / "setting")) == tmp_path / "setting"


def test_a_cache_folder_that_cannot_be_made_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match=r"the cache folder .* cannot be written.*paths.cache"),
        locked(tmp_path / "file", "entry"),
    ):
        pass


def test_errors_of_other_files_pass_through(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), locked(tmp_path, "entry"):
        (tmp_path.parent / "missing" / "file").read_text()
