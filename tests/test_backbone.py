"""Processes that want the same model at once find it made."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from headtohead import atomic
from headtohead.checkpoints import fetch_model
from tiny_runs import config_of


def test_of_several_that_want_the_tiny_model_one_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made: list[Path] = []

    def slowly(moment: str, path: Path) -> None:
        if moment == "before write":
            made.append(path)
            time.sleep(0.2)

    monkeypatch.setattr(atomic, "on_step", slowly)
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda _: fetch_model(config_of().model, tmp_path).path, range(3)))
    assert len(set(found)) == len(made) == 1
    assert (found[0] / "config.json").is_file()
