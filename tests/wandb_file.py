"""Read what W&B wrote offline, with W&B's own reader: ``wandb leet inspect``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OFFLINE = {"WANDB_MODE": "offline", "WANDB_ERROR_REPORTING": "false"}


@dataclass
class Logged:
    """One attempt of one run."""

    folder: Path
    run: dict[str, Any] = field(default_factory=dict)
    """run_id, project, run_group, job_type, display_name, tags, resume."""
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    step_metrics: dict[str, str] = field(default_factory=dict)
    """Name or glob of a metric to its x-axis."""
    stats: list[dict[str, Any]] = field(default_factory=list)
    """What W&B measured of the machine."""
    exit_code: int | None = None

    @property
    def place(self) -> tuple[str, str]:
        """Group and job type."""
        return self.run.get("run_group", ""), self.run.get("job_type", "")

    def table(self, name: str) -> tuple[list[str], list[list[Any]]]:
        """Return the columns and rows of a logged table."""
        (path,) = [line[f"{name}.path"] for line in self.history if f"{name}.path" in line]
        stored = json.loads((self.folder / "files" / path).read_text())
        return stored["columns"], stored["data"]


def attempts(folder: Path) -> list[Logged]:
    """Return the attempts that a run's folder holds, in order."""
    return [read(path) for path in sorted(folder.glob("wandb/offline-run-*"))]


def read(folder: Path) -> Logged:
    """Read one ``offline-run-*`` folder."""
    command = [str(Path(sys.executable).with_name("wandb")), "leet", "inspect", "--json", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **OFFLINE})
    found = Logged(folder)
    for line in done.stdout.splitlines():
        record = json.loads(line)
        match record["type"]:
            case "run":
                found.run = {key: value for key, value in record["run"].items() if key != "config"}
                found.config |= record["run"]["config"]["update"]
            case "config":
                found.config |= record["config"].get("update", {})
            case "history":
                found.history.append(record["history"]["item"])
            case "summary":
                found.summary |= record["summary"].get("update", {})
            case "metric":
                metric = record["metric"]
                found.step_metrics[metric.get("name") or metric["glob_name"]] = metric.get("step_metric", "")
            case "stats":
                found.stats.append(record["stats"])
            case "exit":
                found.exit_code = record["exit"].get("exit_code", 0)
    return found
