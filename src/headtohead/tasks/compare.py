"""Judge arms of finished runs by their stored predictions; nothing is trained or loaded."""

from __future__ import annotations

import glob
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headtohead import atomic
from headtohead.config import CompareConfig
from headtohead.errors import UserError
from headtohead.results import Predictions, RunRecord, read_predictions, read_record
from headtohead.statistics import Arm, Verdict, judge
from headtohead.tasks import folder as run_folder
from headtohead.tasks.verdict_table import print_verdict

VERDICT = "verdict.json"
APART_FROM_SEEDS = ("name", "seed", "track", "paths", "task", "run", "fresh", "compare", "evaluate", "export")
"""Settings in which runs of one configuration may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """A completed run and its rows of one split."""

    folder: Path
    record: RunRecord
    predictions: Predictions

    @property
    def seeds(self) -> tuple[Any, Any]:
        """Seed of training, and of subset and split."""
        return self.record.config.get("seed"), (self.record.config.get("data") or {}).get("seed")

    @property
    def configuration(self) -> str:
        """Everything but seeds and what no outcome depends on, as text."""
        kept = {key: value for key, value in self.record.config.items() if key not in APART_FROM_SEEDS}
        data = {key: value for key, value in (kept.get("data") or {}).items() if key != "seed"}
        return json.dumps(kept | {"data": data}, sort_keys=True)


def compare_runs(config: CompareConfig, folder: Path) -> Verdict:
    """Judge the configured arms; write ``verdict.json`` into ``folder`` and print it.

    Raises:
        UserError: an unknown folder, an unfinished run, arms that share a run, other rows, or an undefined metric.
    """
    entries = {name: [_find(name, entry) for entry in listed] for name, listed in config.arms.items()}
    _refuse_overlap(entries)
    loaded = {
        name: [[load_run(path, config.split) for path in entry] for entry in found] for name, found in entries.items()
    }
    arms = [_arm(name, runs, config.entries) for name, runs in loaded.items()]
    flat = {name: [run for entry in runs for run in entry] for name, runs in loaded.items()}
    verdict = judge(
        arms,
        metric=config.metric,
        margin=config.margin,
        alpha=config.alpha,
        looks=config.looks,
        costs={name: mean_cost(runs, config.split) for name, runs in flat.items()},
    )
    about = {
        "split": config.split,
        "varied": _varied(flat),
        "runs": {name: _about(runs) for name, runs in flat.items()},
    }
    atomic.write_json(folder / VERDICT, verdict.as_dict() | about)
    print_verdict(verdict, folder / VERDICT)
    return verdict


def _find(arm: str, entry: str) -> list[Path]:
    """Return the run folders that a path or a glob names."""
    found = sorted(Path(match) for match in glob.glob(entry, recursive=True))
    runs = [path for path in found if (path / run_folder.RECORD).is_file()]
    if runs:
        return list(dict.fromkeys(path.resolve() for path in runs))
    what = f"{len(found)} matches, none of them a run folder" if found else "nothing is there"
    raise UserError(f"compare.arms.{arm}: {entry!r} names no run ({what}); give folders that hold {run_folder.RECORD}")


def _refuse_overlap(entries: Mapping[str, Sequence[Sequence[Path]]]) -> None:
    owner: dict[Path, str] = {}
    for name, listed in entries.items():
        for path in (path for entry in listed for path in entry):
            if path in owner:
                where = f"arms {owner[path]!r} and {name!r}" if owner[path] != name else f"two entries of arm {name!r}"
                raise UserError(f"compare.arms: {path} is in {where}; a run belongs to one")
            owner[path] = name


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
    return FinishedRun(folder=folder, record=record, predictions=rows)


def _arm(name: str, entries: Sequence[Sequence[FinishedRun]], kind: str) -> Arm:
    by_configuration: dict[str, list[FinishedRun]] = {}
    for number, entry in enumerate(entries):
        for run in entry:
            key = run.configuration if kind == "runs" else str(number)
            by_configuration.setdefault(key, []).append(run)
    for runs in by_configuration.values():
        if len({run.configuration for run in runs}) > 1:
            raise UserError(
                f"compare.arms.{name}: a tuning's confirmed runs share one configuration, those in {runs[0].folder.parent} "
                "do not; give one entry per tuning, or set compare.entries=runs"
            )
        _refuse_same_seed(name, runs)
    configurations = [[run.predictions for run in runs] for runs in by_configuration.values()]
    return Arm(name=name, configurations=configurations, tuned=kind == "tunings")


def _refuse_same_seed(arm: str, runs: Sequence[FinishedRun]) -> None:
    seen: dict[tuple[Any, Any], Path] = {}
    for run in runs:
        if run.seeds in seen:
            raise UserError(
                f"compare.arms.{arm}: {seen[run.seeds]} and {run.folder} are one configuration with one seed "
                f"(seed={run.seeds[0]}, data.seed={run.seeds[1]}): a repetition is no evidence; leave one out"
            )
        seen[run.seeds] = run.folder


def mean_cost(runs: Sequence[FinishedRun], split: str) -> dict[str, float]:
    """Return the mean cost of an arm's runs, by kind; a kind that some run lacks is left out."""
    found = [_cost(run, split) for run in runs]
    return {
        kind: float(np.mean([cost[kind] for cost in found]))
        for kind in found[0]
        if all(cost[kind] is not None for cost in found)
    }


def _cost(run: FinishedRun, split: str) -> dict[str, Any]:
    cost = run.record.cost
    seconds, tokens = cost.get("seconds") or {}, cost.get("tokens") or {}
    scoring = seconds.get(f"score {split}")
    return {
        "train_seconds": seconds.get("train"),
        "train_tokens": tokens.get("train"),
        "peak_memory_bytes": cost.get("peak_memory_bytes"),
        "trainable_parameters": cost.get("trainable_parameters"),
        "seconds_per_1000_rows": None if scoring is None else 1000 * scoring / len(run.predictions),
    }


def _varied(arms: Mapping[str, Sequence[FinishedRun]]) -> dict[str, list[str]]:
    """Say per arm which seeds its runs differ in: initialisation and order (seed), subset and split (data.seed)."""
    return {
        name: [key for place, key in enumerate(("seed", "data.seed")) if len({run.seeds[place] for run in runs}) > 1]
        for name, runs in arms.items()
    }


def _about(runs: Sequence[FinishedRun]) -> list[dict[str, Any]]:
    return [
        {
            "folder": str(run.folder),
            "fingerprint": run.record.fingerprint,
            "seed": run.seeds[0],
            "data_seed": run.seeds[1],
            "test_reads": run.record.test_reads,
        }
        for run in runs
    ]
