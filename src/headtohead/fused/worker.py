"""``python -m headtohead.fused.worker <size> [<file>]``: train jobs over one trunk where they can share it.

A job comes as a line of JSON on the standard input, or from a list in a file: ``overrides``, what would follow
``python run.py``, and ``folder``. A line on the standard output says that it is taken up (``folder``, ``begins``), another how it
ended, which goes to its folder too: ``folder``, ``code`` (0, 1, or 75: to be continued) and ``reason``. What it found lies in
its folder, as if it had run alone.
"""

from __future__ import annotations

import atexit
import gc
import io
import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import datasets  # noqa: F401 - its log handler takes the stream that stands when it is imported: no job's
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from headtohead import traces
from headtohead.errors import TO_BE_CONTINUED, Diverged, Interrupted, UserError
from headtohead.fused.jobs import Job, composer, dumped, own_log
from headtohead.grammar import typed_program
from headtohead.hydra_io.refused_settings import explain_composition
from headtohead.hydra_io.schema import note_refusal, to_typed
from headtohead.launching.job_ending import read_ending, write_ending
from headtohead.provenance import CONF
from headtohead.runs.packs.pack_compatibility import alone_because, differences, what_is_shared
from headtohead.runs.packs.pack_scheduler import Asked, Group
from headtohead.runs.packs.resource_cache import Shelf
from headtohead.runs.stop_request import StopRequest

TOGETHER_SECONDS = 0.3
"""Jobs that come within this time of each other start as one pack."""


class Jobs:
    """The jobs that have come in and wait.

    Args:
        conf: folder of the configuration files.
        given: where jobs come from.
        told: where their ends go.
    """

    def __init__(self, conf: Path, given: TextIO, told: TextIO) -> None:
        self._composed, self._told, self._shelf = composer(conf), told, Shelf()
        self._incoming: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._waiting: dict[Asked, Path] = {}
        self._is_over = False
        self._last: Mapping[str, Any] | None = None
        threading.Thread(target=self._listen, args=(given,), daemon=True).start()

    def wait(self) -> bool:
        """Wait until there is a run; return whether there is, for else none will come."""
        self._take_in()
        while not self._waiting and not self._is_over:
            self._take_in_line(self._incoming.get())
            while not self._is_over:  # those that come together
                try:
                    self._take_in_line(self._incoming.get(timeout=TOGETHER_SECONDS))
                except queue.Empty:
                    break
        return bool(self._waiting)

    def take(self, shared: Mapping[str, Any] | None) -> Asked | None:
        """Return the next run, or None: any where nothing is shared yet, else the next that shares it all."""
        self._take_in()
        found = next((asked for asked in self._waiting if shared is None or asked.shared == shared), None)
        if found is not None:
            self._write(folder=str(self._waiting.pop(found)), begins=True)
            if shared is None:
                self._say_why_not_together(found.shared)
        return found

    def holds(self, shared: Mapping[str, Any] | None) -> bool:
        """Whether ``take`` would return a run."""
        self._take_in()
        return any(shared is None or asked.shared == shared for asked in self._waiting)

    def _listen(self, given: TextIO) -> None:
        for line in given:
            self._incoming.put(line)
        self._incoming.put(None)

    def _take_in(self) -> None:
        while True:
            try:
                self._take_in_line(self._incoming.get_nowait())
            except queue.Empty:
                return

    def _take_in_line(self, line: str | None) -> None:
        """Take in a job; one that cannot even be read ends, and concerns no other."""
        if line is None:
            self._is_over = True
            return
        job = json.loads(line)
        folder = Path(job["folder"])
        ended = partial(self._tell, folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with own_log(folder):
                read = self._read(job["overrides"], folder, Path(job.get("script", "run.py")))
            why = alone_because(read.config)
            shared = None if why or job.get("alone") else what_is_shared(read.config)
            asked = Asked(
                training=read.training(self._shelf), shared=shared, within=partial(own_log, folder), ended=ended
            )
        except Exception as error:
            ended(error)
            return
        if why:
            self._say(f"{folder.name} is trained alone: {why}")
        self._waiting[asked] = folder

    def _read(self, overrides: list[str], folder: Path, script: Path) -> Job:
        """Compose and type a job; one that is refused leaves a record that says so.

        Raises:
            UserError: it is.
        """
        try:
            own, hydra = dumped(self._composed(overrides), folder)
        except (HydraException, OmegaConfBaseException) as error:
            raise UserError(explain_composition(error)) from error
        try:
            config = to_typed(own)
            if config.task.name != "train":
                raise UserError(
                    f"task={config.task.name} trains nothing that could share a trunk: use hydra/launcher=local"
                )
        except Exception as error:
            note_refusal(own, folder, error)
            raise
        command = [*typed_program(script), *overrides]
        return Job(folder=folder, own=own, hydra=hydra, config=config, command=command)

    def _say_why_not_together(self, shared: Mapping[str, Any] | None) -> None:
        """Say what keeps the next runs from being trained with those before."""
        if self._last is not None and shared is not None and (keys := differences(self._last, shared)):
            self._say(f"another pack, since trials differ in {', '.join(keys[:4])}")
        self._last = shared or self._last

    def _say(self, line: str) -> None:
        """Tell the person at the sweep's terminal."""
        self._write(say=line)

    def _write(self, **said: Any) -> None:
        """Tell whoever has started this process."""
        print(json.dumps(said), file=self._told, flush=True)

    def _tell(self, folder: Path, error: BaseException | None) -> None:
        """Say how a job ended: where it can be said, in its folder too."""
        cut_off = isinstance(error, Interrupted) or not isinstance(error, Exception | None)
        code = 0 if error is None else TO_BE_CONTINUED if cut_off else 1
        reason = "" if error is None else f"{type(error).__name__}: {error}"
        with suppress(OSError):  # a full disk
            if error is not None:
                with own_log(folder):
                    is_enough = isinstance(error, UserError | Diverged | Interrupted) and not traces.wanted()
                    print(reason if is_enough else "".join(traceback.format_exception(error)))
            write_ending(folder, code, reason)
        self._write(folder=str(folder), code=code, reason=reason)


def left_of(path: Path) -> TextIO:
    """Return the jobs of a file that have no end yet, as lines: SLURM starts a pack again that was preempted."""
    jobs = json.loads(path.read_text(encoding="utf-8"))
    endings = [read_ending(Path(job["folder"])) for job in jobs]
    left = [job for job, ending in zip(jobs, endings, strict=True) if not ending or ending["code"] == TO_BE_CONTINUED]
    return io.StringIO("".join(json.dumps(job) + "\n" for job in left))


def main(size: int, file: Path | None = None) -> int:
    """Train until no more jobs come; return the exit status."""
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else prints, here or in a child, must not look like the end of a job
    given = left_of(file) if file else sys.stdin
    stop = StopRequest()
    with stop.heard():
        try:
            Group(Jobs(CONF, given, told), size, stop).train_all()
        except (Interrupted, KeyboardInterrupt):
            return TO_BE_CONTINUED
    return 0


if __name__ == "__main__":
    atexit.register(gc.freeze)  # as in run.py: the sweep waits for its end
    sys.exit(main(int(sys.argv[1]), *map(Path, sys.argv[2:])))
