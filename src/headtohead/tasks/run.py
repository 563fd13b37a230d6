"""What the steps of one run share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headtohead.batching.encode import EncodedRows, truncation_report
from headtohead.config import Config
from headtohead.data import Corpus
from headtohead.results import RunRecord, write_record
from headtohead.tasks import folder as run_folder
from headtohead.tasks.phases import Phases
from headtohead.tasks.stopping import StopRequest
from headtohead.tracking import Membership, Tracker
from headtohead.training import Processes

Report = Callable[[int, float], str | None]
"""Given a step and the deciding metric there: why a sweep stops the run, or None."""


@dataclass(slots=True, kw_only=True)
class Run:
    """A configuration, its folder, and the record being filled."""

    config: Config
    folder: Path
    cache: Path
    record: RunRecord
    processes: Processes
    phases: Phases = field(default_factory=Phases)
    report: Report | None = None
    membership: Membership | None = None
    """What it is within a sweep."""
    tracker: Tracker | None = None
    """While it is open; the main process has one."""
    stop: StopRequest = field(default_factory=StopRequest)

    def save(self) -> None:
        """Write the record as it stands; of several processes the main one does."""
        self.record.cost["seconds"] = self.phases.seconds
        self.record.cost["tokens"] = self.phases.tokens
        if self.processes.is_main:
            write_record(self.folder / run_folder.RECORD, self.record)


def describe_truncation(run: Run, encoded: dict[str, EncodedRows], corpus: Corpus) -> None:
    """Count in the record what was cut from the texts of every split."""
    run.record.data["truncation"] = {
        split: truncation_report(rows, corpus.labels.names) for split, rows in encoded.items()
    }


def splits_to_score(config: Config, corpus: Corpus) -> dict[str, Any]:
    """Return the splits that are scored after training: validation always, tests unless switched off."""
    tests = corpus.tests if config.evaluate.test else {}
    return {"validation": corpus.validation, **tests}
