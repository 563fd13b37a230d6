"""kill -9 of a sweep's controller and workers: is a finished trial ever lost, or run twice?

    python benchmarks/sweep_kills.py                # basic and local, about an hour on two cores
    python benchmarks/sweep_kills.py --parts random --trials 6 --kills 3
    python benchmarks/sweep_kills.py --parts random --launchers fused --trials 32 --kills 3

One grid of runs of the ``tiny`` model is swept undisturbed first. The same sweep is then killed

- at every write: before and after each write and rename of ``headtohead.atomic``, each of them once, in one trial or another;
- at random moments.

Afterwards every trial must have exactly one final state, in the study and in the journal behind it; the completed trials,
their values and their parameters must be the undisturbed ones; each must have completed once and only once, and whatever was
complete at a kill must stand there unchanged at the end. Anything else ends the script with status 1. Trials that are trained
together (``fused``) end within rounding of each other, since a kill changes who is trained with whom: of theirs, values may differ
by a twentieth.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]
DIARY = "SWEEP_KILLS_DIARY"
"""Environment variable: the folder in which the processes of a sweep note what they do."""
ROLE = "SWEEP_KILLS_ROLE"
"""Environment variable: which processes die at writes, ``controller`` or ``worker``; unset: none."""
PARTS = ("writes", "random")
TOPICS = {
    "sport": "match team goal cup league",
    "trade": "shares market profit bank deal",
    "tech": "phone chip code data web",
}
OF_ONE_RUN = re.compile(r"(?<=trial_)[0-9]+|[0-9]+(-[0-9a-f]+)?(?=[.]tmp)")
"""What differs between places in which the same is written: a trial's number, a process's."""
LAUNCHERS = ("basic", "local", "fused")
WORKERS = {"local": "hydra.mode=RUN", "fused": "benchmarks.sweep_kills"}
"""What stands in the commands of the processes that train."""
ROUNDING = 0.05
SHARE_AT_START = 0.2
"""Of the random kills: while the controller starts."""
SET_STATE, FINAL_STATES = 6, (1, 2, 3)
"""Of Optuna's journal."""


@dataclass
class Grid:
    """The sweep that is disturbed."""

    work: Path
    trials: int
    launcher: str = "basic"
    name: str = "undisturbed"
    settings: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Where its outputs lie."""
        return self.work / self.name

    @property
    def sweep(self) -> Path:
        """The folder of the sweep itself."""
        return self.folder / "outputs" / "kills"

    @property
    def arguments(self) -> list[str]:
        """What stands after ``python run.py``."""
        rates = ",".join(f"{0.001 * (rate + 1):.3f}" for rate in range(self.trials))
        return [
            *("-m", "model=tiny", "track=off", "prompt.max_tokens=64", "data=files", "train.epochs=1"),
            *("export.form=none", "evaluate.baselines=false", "evaluate.resamples=100", "evaluate.test=false"),
            f"data.source.name={self.work / 'rows.jsonl'}",
            f"paths.outputs={self.folder / 'outputs'}",
            f"paths.cache={self.folder / 'cache'}",
            f"train.learning_rate={rates}",
            f"hydra/launcher={self.launcher}",
            *("hydra.sweeper.study_name=kills", "hydra.sweeper.max_retries=100000"),
            f"hydra.sweeper.n_jobs={8 if self.launcher == 'fused' else 2}",
            *self.settings,
        ]

    def start(self, role: str = "") -> Forked:
        """Start the sweep, or go on with it, in a fork of this process, which has imported what takes seconds."""
        self.folder.mkdir(parents=True, exist_ok=True)
        own = {DIARY: str(self.folder), ROLE: role, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        if pid := os.fork():
            return Forked(pid)
        try:
            if torch := sys.modules.get(
                "torch"
            ):  # alone: two threads of a fork that need its pool first find it half made
                torch.set_num_threads(torch.get_num_threads())
            os.environ.update(own)
            log = os.open(self.folder / "output.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.dup2(log, 1)
            os.dup2(log, 2)
            sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
            sys.argv = [__file__, *self.arguments]
            be_run_py(self.folder, role)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)

    def finish(self) -> float:
        """Run the sweep to its end, undisturbed; return the seconds it took."""
        started = time.monotonic()
        status = self.start().wait()
        if status != 0:
            sys.exit(
                f"VIOLATED: {self.name} ends with status {status}:\n{(self.folder / 'output.log').read_text()[-3000:]}"
            )
        return time.monotonic() - started


@dataclass
class Forked:
    """A child of this process, as ``subprocess`` has them."""

    pid: int
    status: int | None = None

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
        return self.status

    def wait(self, seconds: float = float("inf")) -> int | None:
        """Wait for its end, or so long."""
        until = time.monotonic() + seconds
        while self.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        return self.status

    def kill(self) -> None:
        """SIGKILL."""
        os.kill(self.pid, signal.SIGKILL)


# --- inside the processes of the sweep ---------------------------------------------------------------------------------


def be_run_py(diary: Path, role: str) -> None:
    """Be ``python run.py``, note every completed run, and die at the first write that nobody has died at."""
    from headtohead import atomic
    from headtohead.launching import fused

    fused.WORKER = "benchmarks.sweep_kills"  # which notes what it completes, and is the worker otherwise
    occurrences: dict[str, int] = {}
    mine = "controller" if "-m" in sys.argv else "worker"

    def on_step(moment: str, path: Path) -> None:
        if moment == "after rename" and path.name == "result.json":
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["status"] == "completed":
                note(diary / "completed", f"{path.parent.name} {record['provenance']['finished']} {record['attempt']}")
        place = path.relative_to(diary) if path.is_relative_to(diary) else path
        occurrences[f"{moment} {place}"] = number = occurrences.get(f"{moment} {place}", 0) + 1
        label = f"{moment} {OF_ONE_RUN.sub('*', str(place))} #{number}"
        if mine == role and label not in notes(diary / "died"):
            note(diary / "died", label)
            os.kill(os.getpid(), signal.SIGKILL)

    atomic.on_step = on_step
    os.chdir(ROOT)
    if sys.argv[-1].isdigit():  # a worker's: the size of its packs
        from headtohead.fused import worker

        sys.exit(worker.main(ROOT / "run.py", int(sys.argv[-1])))
    sys.path.insert(0, str(ROOT))
    script = ROOT / "run.py"  # not through runpy, which would make it argv[0]: jobs must start this file again
    exec(compile(script.read_text(encoding="utf-8"), script, "exec"), {"__name__": "__main__", "__file__": str(script)})


def note(path: Path, line: str) -> None:
    """Append a line in one write, so that a kill cannot cut it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def notes(path: Path) -> list[str]:
    """Return the lines of a diary."""
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


# --- killing -----------------------------------------------------------------------------------------------------------


def kill_at_writes(grid: Grid, role: str) -> int:
    """Let the processes of a role die at every write; return how often they did."""
    while grid.start(role).wait() == -signal.SIGKILL:
        pass
    grid.finish()  # and whatever ended it otherwise shows here
    return len(notes(grid.folder / "died"))


def kill_controller(grid: Grid, kills: int, seconds: float, startup: float, draw: random.Random) -> int:
    """Kill the controller at random moments; return how often trials were left to do."""
    met = 0
    for _ in range(kills):
        process = grid.start()
        if draw.random() < SHARE_AT_START:
            process.wait(draw.uniform(0, startup))
        else:
            wait_for_work(grid, process)
            process.wait(draw.uniform(0, 2 * (seconds - startup) / kills))
        if process.poll() is None:
            process.kill()
            met += 1
        process.wait()
    grid.finish()
    return met


def wait_for_work(grid: Grid, process: Forked) -> None:
    """Wait until a controller has started to change its study."""
    journal = grid.sweep / "study.journal"
    size = journal.stat().st_size if journal.exists() else 0
    while process.wait(0.05) is None and (not journal.exists() or journal.stat().st_size <= size):
        pass


def kill_workers(grid: Grid, kills: int, seconds: float, draw: random.Random) -> int:
    """Kill workers under a controller that lives; return how many."""
    met = 0
    process = grid.start()
    while process.poll() is None and met < kills:
        time.sleep(draw.uniform(0, 2 * seconds / kills))
        workers = [child for child in _children(process.pid) if WORKERS[grid.launcher] in _command(child)]
        if workers:
            draw.choice(workers).kill()
            met += 1
    process.wait()
    grid.finish()
    return met


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


# --- looking -----------------------------------------------------------------------------------------------------------


def found_in(grid: Grid) -> dict[int, Any]:
    """Return what must not depend on kills: every trial's state, values and parameters."""
    trials = json.loads((grid.sweep / "study.json").read_text(encoding="utf-8"))["trials"]
    return {trial["number"]: (trial["state"], trial["values"], trial["params"]) for trial in trials}


def violations(grid: Grid, undisturbed: dict[int, Any]) -> list[str]:
    """Return everything that is wrong with a sweep."""
    wrong = []
    found = found_in(grid)
    numbers = [trial["number"] for trial in json.loads((grid.sweep / "study.json").read_text())["trials"]]
    if numbers != list(range(grid.trials)):
        wrong.append(f"the study holds the numbers {numbers}")
    for number, trial in undisturbed.items():
        if not _is_same(found.get(number), trial, ROUNDING if grid.launcher == "fused" else 0.0):
            wrong.append(f"trial {number} is {found.get(number)}, undisturbed {trial}")
    for number, count in final_states(grid).items():
        if count != 1:
            wrong.append(f"trial {number} was given {count} final states")
    completed = [line.split() for line in notes(grid.folder / "completed")]
    for number in range(grid.trials):
        name = f"trial_{number:04d}"
        times = [stamp for folder, stamp, _ in completed if folder == name]
        if len(times) != 1:
            wrong.append(f"{name} completed {len(times)} times")
        record = json.loads((grid.sweep / name / "result.json").read_text(encoding="utf-8"))
        if record["status"] != "completed" or record["provenance"]["finished"] not in times:
            wrong.append(f"{name}: what had completed is no longer there")
    return wrong


def _is_same(found: Any, expected: Any, rounding: float) -> bool:
    if found is None or (found[0], found[2]) != (expected[0], expected[2]):
        return False
    return len(found[1]) == len(expected[1]) and all(
        abs(one - other) <= rounding for one, other in zip(found[1], expected[1], strict=True)
    )


def final_states(grid: Grid) -> dict[int, int]:
    """Return how often the journal gives each trial a final state."""
    counts = dict.fromkeys(range(grid.trials), 0)
    for line in (grid.sweep / "study.journal").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry["op_code"] == SET_STATE and entry["state"] in FINAL_STATES:
            counts[entry["trial_id"]] = counts.get(entry["trial_id"], 0) + 1
    return counts


def write_rows(path: Path, count: int = 60) -> None:
    """Write made-up rows, no two alike."""
    labels, draw = list(TOPICS), random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        for row in range(count):
            label = labels[row % len(labels)]
            text = f"{row} " + " ".join(draw.choices(TOPICS[label].split(), k=12))
            file.write(json.dumps({"text": text, "label": label}) + "\n")


def measure(
    work: Path,
    *,
    trials: int,
    kills: int,
    write_trials: int,
    parts: tuple[str, ...] = PARTS,
    launchers: tuple[str, ...] = ("basic", "local"),
    say: Callable[[str], None] = print,
) -> list[str]:
    """Run and kill sweeps; return what was violated.

    Args:
        work: folder for everything.
        trials: of the sweeps that are killed at random moments.
        kills: random ones of each.
        write_trials: of the sweeps that die at every write.
        parts: ``writes``, ``random`` or both.
        launchers: whose jobs are killed.
        say: told of every sweep that was disturbed.
    """

    write_rows(work / "rows.jsonl")
    draw, wrong = random.Random(0), []

    def check(grid: Grid, undisturbed: dict[int, Any], what: str, met: int, seconds: float) -> None:
        own = violations(grid, undisturbed)
        wrong.extend(f"{grid.name}: {line}" for line in own)
        verdict = "held" if not own else f"VIOLATED ({len(own)})"
        say(f"| {grid.launcher} | {what} | {grid.trials} | {met} | {verdict} | {seconds:.0f} |")

    say("| launcher | what dies | trials | kills met | every promise | seconds |\n|---|---|---|---|---|---|")
    if "writes" in parts:
        plain = Grid(work, write_trials, name="plain-writes")
        plain.finish()
        for launcher, role in (("basic", "controller"), ("local", "controller"), ("local", "worker")):
            if launcher in launchers:
                started = time.monotonic()
                grid = Grid(work, write_trials, launcher, f"writes-{launcher}-{role}")
                met = kill_at_writes(grid, role)
                check(grid, found_in(plain), f"{role}, at every write", met, time.monotonic() - started)
    if "random" in parts:
        for launcher in launchers:
            plain = Grid(work, trials, launcher, f"plain-{launcher}")
            seconds = plain.finish()
            startup = plain.finish()  # nothing is left to do
            say(f"| {launcher} | nothing | {trials} | 0 | | {seconds:.0f} |")
            started = time.monotonic()
            grid = Grid(work, trials, launcher, f"random-{launcher}-controller")
            met = kill_controller(grid, kills, seconds, startup, draw)
            check(grid, found_in(plain), "controller, at random", met, time.monotonic() - started)
            if launcher != "basic":
                started = time.monotonic()
                grid = Grid(work, trials, launcher, f"random-{launcher}-worker")
                met = kill_workers(grid, kills, seconds, draw)
                check(grid, found_in(plain), "workers, at random", met, time.monotonic() - started)
        plains = [found_in(Grid(work, trials, launcher, f"plain-{launcher}")) for launcher in launchers]
        if any(one != other for one, other in pairwise(plains)) and "fused" not in launchers:
            wrong.append("the launchers do not agree on the undisturbed sweep")
    return wrong


def main() -> None:
    """Measure, and end with status 1 where a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--write-trials", type=int, default=3)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--launchers", nargs="+", choices=LAUNCHERS, default=LAUNCHERS[:2])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        wrong = measure(
            Path(work),
            trials=given.trials,
            kills=given.kills,
            write_trials=given.write_trials,
            parts=tuple(given.parts),
            launchers=tuple(given.launchers),
            say=lambda line: print(line, flush=True),
        )
    if wrong:
        sys.exit("VIOLATED:\n" + "\n".join(f"  {line}" for line in wrong))
    print("No finished trial lost, none run twice, one final state each, the same trials and values as undisturbed.")


if __name__ == "__main__":
    if DIARY in os.environ:
        be_run_py(Path(os.environ[DIARY]), os.environ.get(ROLE, ""))
    else:
        main()
