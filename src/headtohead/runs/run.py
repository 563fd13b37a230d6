"""What the steps of one run share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from headtohead.config import Config
from headtohead.console.status_lines import say
from headtohead.data import Corpus
from headtohead.notices import Notice
from headtohead.results import RunRecord, run_folder, write_record
from headtohead.runs.phases import Phases
from headtohead.tracking import Membership, Tracker
from headtohead.training import Processes


@runtime_checkable
class SweepLink(Protocol):
    """The sweep that a run belongs to, as the run sees it."""

    def report(self, step: int, value: float) -> None:
        """Tell it the deciding metric at a step."""
        ...

    def stops(self, step: int, value: float) -> str | None:
        """Return why it stops the run there, or None; asked after every run beside this one has reported."""
        ...


@dataclass(slots=True, kw_only=True)
class Run:
    """A configuration, its folder, and the record being filled."""

    config: Config
    folder: Path
    cache: Path
    record: RunRecord
    processes: Processes
    phases: Phases = field(default_factory=Phases)
    sweep: SweepLink | None = None
    membership: Membership | None = None
    """What it is within a sweep."""
    tracker: Tracker | None = None
    """While it is open; the main process has one."""

    @property
    def checkpoints(self) -> Path:
        """Where its checkpoints lie."""
        return self.folder / run_folder.CHECKPOINTS

    def notice(self, notice: Notice) -> None:
        """Tell a person something, once: in the record, and on the terminal, where a sweep does it for all its runs."""
        if notice.as_dict() in self.record.notices:
            return
        self.record.notices.append(notice.as_dict())
        if self.processes.is_main and self.membership is None:
            say(str(notice))

    def save(self) -> None:
        """Write the record as it stands; of several processes the main one does."""
        self.record.cost["seconds"] = self.phases.seconds
        self.record.cost["tokens"] = self.phases.tokens
        if self.processes.is_main:
            write_record(self.folder / run_folder.RECORD, self.record)


def splits_to_score(config: Config, corpus: Corpus) -> dict[str, Any]:
    """Return the splits that are scored after training: validation always, tests unless switched off."""
    tests = corpus.tests if config.evaluate.test else {}
    return {"validation": corpus.validation, **tests}
