"""optuna-dashboard opens a sweep's study as it stands."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import postgres_server
from command_line import CommandLine

pytestmark = pytest.mark.long
SECONDS = 60


def listed_by_dashboard(storage: str, log: Path) -> tuple[str, list[dict[str, Any]]]:
    """Start a dashboard; return the name and the trials of the one study it shows."""
    port = postgres_server.free_port()
    command = [
        str(Path(sys.executable).with_name("optuna-dashboard")),
        storage,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
    try:
        (study,) = ask(f"http://127.0.0.1:{port}/api/studies", log)["study_summaries"]
        return study["study_name"], ask(f"http://127.0.0.1:{port}/api/studies/{study['study_id']}", log)["trials"]
    finally:
        process.terminate()
        process.wait()


def ask(url: str, log: Path) -> dict[str, Any]:
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except OSError:  # not there yet
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)


@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_the_dashboard_lists_the_study(line: CommandLine, tmp_path: Path, kind: str) -> None:
    pytest.importorskip("optuna_dashboard", reason="the extra dashboard is not installed")
    database = f"sqlite:///{tmp_path}/study.db"
    storage = "auto" if kind == "journal" else database
    line("-m", "export.form=none", "lora.rank=2,4", "hydra.sweeper.study_name=mine", f"hydra.sweeper.storage={storage}")
    opened = str(line.folder() / "study.journal") if kind == "journal" else database
    name, trials = listed_by_dashboard(opened, tmp_path / "log")
    assert name == "mine"
    assert [trial["state"] for trial in trials] == ["Complete", "Complete"]
    assert [trial["params"][0]["param_external_value"] for trial in trials] == ["2", "4"]
    assert all(trial["intermediate_values"] for trial in trials)
