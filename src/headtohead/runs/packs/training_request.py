"""A run that is ready to be trained: alone, or beside others over the same trunk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from headtohead.backbone import Backbone
from headtohead.batching.encode import EncodedRows
from headtohead.classifiers.build_pack import Reader, start_from
from headtohead.data import Corpus
from headtohead.runs.run import Run
from headtohead.runs.tracker_payloads import start_tracking
from headtohead.runs.training_length import budget_notices
from headtohead.runs.validation_split import Validation
from headtohead.training import Pack, Trial, progress_summary, resume
from headtohead.training.checkpoint import newest_step


@dataclass(slots=True, kw_only=True, eq=False)
class Member:
    """A run with its rows and model, and its place in the pack that trains it."""

    run: Run
    corpus: Corpus
    backbone: Backbone
    reader: Reader
    encoded: dict[str, EncodedRows]
    validation: Validation
    pack: Pack | None = None
    number: int = 0
    _left_with: tuple[dict[str, Any], dict[str, Any]] | None = field(default=None)
    _is_tracked: bool = False

    @property
    def trial(self) -> Trial:
        """The run's trial in the pack."""
        assert self.pack is not None
        return self.pack.trials[self.number]

    def join(self, pack: Pack, number: int) -> None:
        """Take a place in a pack: where the run left off in another, else at its newest checkpoint, else at the start."""
        if self._left_with:
            pack.trials[number].restore(*self._left_with)
        else:
            self._begin(pack.trials[number])
        self.pack, self.number = pack, number

    def _begin(self, trial: Trial) -> None:
        run = self.run
        if run.config.model.adapter:
            for notice in start_from(trial, run.config.model.adapter, self.corpus.labels):
                run.notice(notice)
        run.record.cost["trainable_parameters"] = trial.weights.count()
        run.record.cost["parameters"] = self.backbone.about["parameters"]
        if run.processes.is_main and not self._is_tracked:
            start_tracking(run, resumed_step=newest_step(run.checkpoints))
            self._is_tracked = True
        for notice in budget_notices(trial):
            run.notice(notice)
        run.processes.wait()  # the newest checkpoint is settled before the others read it
        resume(trial, run.checkpoints)

    @property
    def has_ended(self) -> bool:
        """Whether the run has been trained to its end, in the pack in which it still is."""
        return self.pack is not None and self.trial.has_ended

    def reads_as(self, other: Member) -> bool:
        """Whether both have the same rows and the same model: files may have changed from one to the next."""
        return self.corpus.fingerprint == other.corpus.fingerprint and self.backbone is other.backbone

    def leave(self) -> None:
        """Give up the place, and remember where training stood."""
        if self.pack is not None:
            self._left_with = (self.trial.tensors(), self.trial.progress_dict())
            self.pack = None

    def drop_out(self) -> None:
        """Give up the place in a pack that went wrong: what stands there may be half a step."""
        self.pack = None

    def log(self, step: int, values: dict[str, float]) -> None:
        """Tell the run's trackers; of several processes the main one has any."""
        if self.run.tracker is not None:
            self.run.tracker.log(step, values)

    def report(self, step: int, value: float) -> None:
        """Tell the run's record and its sweep of an evaluation."""
        self.run.record.objective["value"] = value
        if self.run.sweep is not None:
            self.run.sweep.report(step, value)

    def stops(self, step: int, value: float) -> str | None:
        """Return why the sweep wants no more of the run, or None."""
        return self.run.sweep.stops(step, value) if self.run.sweep is not None else None

    def note_cost(self) -> None:
        """Write into the record what training took."""
        assert self.pack is not None
        progress, record = self.trial.progress, self.run.record
        self.run.phases.seconds["train"] = progress.seconds
        self.run.phases.tokens["train"] = progress.tokens
        record.cost["padded_tokens"] = progress.padded_tokens
        record.cost["training"] = progress_summary(self.trial)
        record.cost["notes"] = self.pack.notes
        record.cost["trials_in_pack"] = len(self.pack.trials)
