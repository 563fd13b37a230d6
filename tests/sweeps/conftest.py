"""Servers that sweeps keep their studies on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import postgres_server
from command_line import CommandLine, write_rows


@pytest.fixture
def line(tmp_path: Path, cache: Path) -> CommandLine:
    return CommandLine(tmp_path / "outputs", cache, write_rows(tmp_path / "rows.jsonl", count=60))


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_server.Server]:
    """A running PostgreSQL server; REQUIRE_POSTGRES=1 turns a skip into a failure."""
    why = postgres_server.why_not()
    if why and os.environ.get("REQUIRE_POSTGRES") == "1":
        pytest.fail(why)
    if why:
        pytest.skip(why)
    with postgres_server.running() as server:
        yield server
