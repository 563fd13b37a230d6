"""A completed run, as a comparison reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headtohead.comparisons.settings_diff import settings_apart_from_seeds
from headtohead.errors import UserError
from headtohead.results import Predictions, RunRecord, read_predictions, read_record, run_folder
from headtohead.statistics import Draw


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """A completed run and its rows of one split."""

    folder: Path
    record: RunRecord
    predictions: Predictions
    other_tests: tuple[str, ...] = ()
    """Further test splits that it was scored on."""

    @property
    def seeds(self) -> tuple[Any, Any]:
        """Seed of training, and of subset and split."""
        return self.record.config.get("seed"), (self.record.config.get("data") or {}).get("seed")

    @property
    def held_out_seed(self) -> Any:
        """Seed of which rows are held out."""
        return held_out_seed(self.record.config)

    @property
    def draw(self) -> Draw:
        """What chance decided of it: its seeds, and the rows it was trained on."""
        seed, data_seed = self.seeds
        sample = self.record.data.get("training_sample") or {}
        return Draw(
            seed=int(seed or 0),
            data_seed=int(data_seed or 0),
            sample=str(sample.get("hash") or ""),
            rows=(self.record.data.get("rows") or {}).get("train"),
            drawn_from=sample.get("drawn_from"),
        )

    @property
    def configuration(self) -> str:
        """Everything but seeds and what no outcome depends on, as text."""
        return json.dumps(settings_apart_from_seeds(self.record.config), sort_keys=True)


def held_out_seed(config: Mapping[str, Any]) -> Any:
    """Return the seed of which rows a configuration holds out: ``data.split.seed``, else ``data.seed``."""
    data = config.get("data") or {}
    seed = (data.get("split") or {}).get("seed")
    return data.get("seed") if seed is None else seed


def load_run(folder: Path, split: str) -> FinishedRun:
    """Read a completed run's record and its predictions of one split.

    Raises:
        UserError: the run has not completed, or has no predictions of that split.
    """
    record = read_record(folder / run_folder.RECORD)
    if record.status != "completed":
        raise UserError(f"{folder} is not finished (status {record.status}): run its command again, or leave it out")
    predictions = read_predictions(folder / run_folder.PREDICTIONS)
    rows = predictions.of_split(split)
    if len(rows) == 0:
        there = ", ".join(sorted(set(predictions.split.tolist())))
        raise UserError(
            f"{folder} has no predictions of the {split} split, only of {there}: "
            "train it with evaluate.test=true, or set compare.split"
        )
    others = sorted(set(predictions.split.tolist()) - {split, "train", "validation"})
    return FinishedRun(folder=folder, record=record, predictions=rows, other_tests=tuple(others))


def refuse_moved_test_rows(runs: Sequence[FinishedRun]) -> None:
    """Refuse runs whose data seeds cut other test rows, with the setting that keeps them.

    Raises:
        UserError: naming the first two.
    """
    first, *others = runs
    for run in others:
        moved = set(run.predictions.row_id) != set(first.predictions.row_id)
        if moved and run.seeds[1] != first.seeds[1] and run.held_out_seed != first.held_out_seed:
            raise UserError(
                f"{first.folder} (data.seed={first.seeds[1]}) and {run.folder} (data.seed={run.seeds[1]}) were scored on other "
                f"rows, since data.seed cuts the test rows too: data.split.seed={first.held_out_seed} keeps them, so that "
                "data.seed draws the training sample (data.subset.train) alone. Run them so"
            )
