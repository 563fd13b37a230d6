"""The gate, asked in this process: a fresh one costs ten seconds of imports. One test asks a fresh one."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.finished_runs import news_rows, write_rows
from headtohead.export import gate, parity


@pytest.fixture(autouse=True, scope="package")
def gate_in_this_process() -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr(parity, "ask_fresh_process", gate.answer)


@pytest.fixture(scope="session")
def news(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("news") / "news.jsonl", news_rows(60))
