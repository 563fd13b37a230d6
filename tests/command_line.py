"""Run the project as a user does, in a process of its own, on a tiny random model and a few made-up rows."""

from __future__ import annotations

import json
import os
import random
import runpy
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from headtohead.hydra_io import schema
from headtohead.tasks import perform

ROOT = Path(__file__).parents[1]
WIDTH = "200"
HANGS = 600.0
"""Seconds after which a child is not slow."""
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


def start_child(action: Callable[[], object]) -> int:
    """Start an action in a process of its own that shares what is imported; return its id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of threads; pytest-xdist has one
        child = os.fork()
    if child:
        return child
    status = 1
    if torch := sys.modules.get("torch"):  # alone: two threads of a fork that need its pool first find it half made
        torch.set_num_threads(torch.get_num_threads())
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have what they start in the background ignore it
    try:
        action()
        status = 0
    except SystemExit as ending:
        status = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
        if isinstance(ending.code, str):
            print(ending.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def in_child(action: Callable[[], object]) -> int:
    """Run an action in such a process; return its exit status.

    One that hangs is aborted, for which pytest's handler prints the stack of each of its threads.
    """
    child, until = start_child(action), time.monotonic() + HANGS
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        time.sleep(0.01)
        if time.monotonic() > until:
            os.kill(child, signal.SIGABRT)
            until = float("inf")
    return os.waitstatus_to_exitcode(ended[1])


def as_main(arguments: list[str], stdout: IO[str], stderr: IO[str]) -> None:
    """Be ``python run.py <arguments>`` from here on, writing to the streams."""
    for stream, number in ((stdout, 1), (stderr, 2)):
        os.dup2(stream.fileno(), number)
    sys.stdout, sys.stderr, sys.argv = stdout, stderr, ["run.py", *arguments]
    os.environ["COLUMNS"] = WIDTH
    os.chdir(ROOT)
    runpy.run_path("run.py", run_name="__main__")


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
        """Run with overrides, in a fork of this process, and check the exit status.

        It is the same as ``in_new_python`` but for the seconds that a new Python spends on imports.
        """
        return self.as_typed(self.arguments(overrides, train=train), code=code)

    def as_typed(self, arguments: list[str], code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run with these arguments and no others, and check the exit status."""
        with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
            status = in_child(lambda: as_main(arguments, stdout, stderr))
            said = [stream.seek(0) or stream.read() for stream in (stdout, stderr)]
        assert status == code, "".join(said)
        return subprocess.CompletedProcess(arguments, status, *said)

    def in_new_python(self, *overrides: str, train: bool = True, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run with overrides, as a shell would, and check the exit status."""
        done = subprocess.run(
            [sys.executable, "run.py", *self.arguments(overrides, train=train)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "COLUMNS": WIDTH},
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def here(self, *overrides: str) -> None:
        """Do the same in this process, as run.py's main does; errors come as they are."""
        self.perform(self.composed(*overrides))

    def composed(self, *overrides: str) -> DictConfig:
        """Return what Hydra makes of a training run's overrides."""
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            return compose("config", overrides=self.arguments(overrides, train=True))

    def perform(self, composed: DictConfig) -> None:
        """Do in this process what run.py's main does with a composed configuration."""
        folder = Path(schema.run_folder(composed))
        try:
            perform(schema.to_typed(composed), folder, [], fingerprint="test")
        except Exception as error:
            schema.note_refusal(composed, folder, error)
            raise

    def arguments(self, overrides: Sequence[str], *, train: bool) -> list[str]:
        """Return what stands after ``python run.py``: flags, settings, then the overrides, which win."""
        flags = [override for override in overrides if override.startswith("-")]
        settings = [*self.always, f"data.source.name={self.rows}"] if train else []
        places = [f"paths.outputs={self.outputs}", f"paths.cache={self.cache}"]
        return [*flags, *settings, *places, *(override for override in overrides if override not in flags)]

    def folder(self) -> Path:
        """Return the one run folder."""
        (only,) = [path for path in self.outputs.iterdir() if path.is_dir()]
        return only

    def record(self, folder: Path | None = None) -> dict[str, Any]:
        """Return the record of the one run, or of a folder."""
        found: dict[str, Any] = json.loads(((folder or self.folder()) / "result.json").read_text())
        return found
