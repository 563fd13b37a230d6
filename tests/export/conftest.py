"""The gate, asked in this process: a fresh one costs ten seconds of imports. One test asks a fresh one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from export.finished_runs import news_rows, write_rows
from headtohead.export import gate, parity


@pytest.fixture(autouse=True, scope="module")
def gate_in_this_process() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parity, "ask_fresh_process", gate.answer)
        yield


@pytest.fixture(scope="module")
def no_page() -> Iterator[None]:
    """Leave out the run's page, which tests of its own look at: a quarter of a second a run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headtohead.runs.lifecycle.write_report", lambda folder: None)
        yield


@pytest.fixture(scope="session")
def news(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("news") / "news.jsonl", news_rows(60))
