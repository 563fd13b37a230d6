"""Run the project as a user does, in a process of its own, on a tiny random model and a few made-up rows."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir

from headtohead import schema
from headtohead.tasks import perform

ROOT = Path(__file__).parents[1]
TOPICS = {
    "sport": "match team goal cup league player coach win race tennis club season",
    "business": "shares market company profit bank trade deal price growth sales oil tax",
    "tech": "phone chip software video game internet computer online data virus web code",
}


def write_rows(path: Path, count: int = 90) -> Path:
    """Write made-up rows, in turn of each label, no two alike."""
    labels, draw = list(TOPICS), random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        for row in range(count):
            label = labels[row % len(labels)]
            text = f"{row} " + " ".join(draw.choices(TOPICS[label].split(), k=12))
            file.write(json.dumps({"text": text, "label": label}) + "\n")
    return path


@dataclass
class CommandLine:
    """``python run.py`` with its outputs below one folder."""

    outputs: Path
    cache: Path
    rows: Path
    always: list[str] = field(
        default_factory=lambda: ["model=tiny", "track=off", "prompt.max_tokens=64", "data=files", "train.epochs=1"]
    )

    def __call__(self, *overrides: str, train: bool = True, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run with overrides and check the exit status."""
        settings = [*self.always, f"data.source.name={self.rows}"] if train else []
        flags = [override for override in overrides if override.startswith("-")]
        command = [
            sys.executable,
            "run.py",
            *flags,
            *settings,
            f"paths.outputs={self.outputs}",
            f"paths.cache={self.cache}",
        ]
        done = subprocess.run(
            [*command, *(override for override in overrides if override not in flags)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "COLUMNS": "200"},
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def here(self, *overrides: str) -> None:
        """Do the same in this process, as run.py's main does; errors come as they are."""
        settings = [*self.always, f"data.source.name={self.rows}"]
        places = [f"paths.outputs={self.outputs}", f"paths.cache={self.cache}"]
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            composed = compose("config", overrides=[*settings, *places, *overrides])
        folder = Path(schema.run_folder(composed))
        try:
            perform(schema.to_typed(composed), folder, [], fingerprint="test")
        except Exception as error:
            schema.note_refusal(composed, folder, error)
            raise

    def folder(self) -> Path:
        """Return the one run folder."""
        (only,) = [path for path in self.outputs.iterdir() if path.is_dir()]
        return only

    def record(self, folder: Path | None = None) -> dict[str, Any]:
        """Return the record of the one run, or of a folder."""
        found: dict[str, Any] = json.loads(((folder or self.folder()) / "result.json").read_text())
        return found
