"""Folders of sweeps that never happened. ``python made_up_sweeps.py FOLDER`` writes some with their pages, to be looked at."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from headtohead.config import CompareConfig
from headtohead.labels import LabelKind
from headtohead.results import RunRecord
from headtohead.tasks.compare import judge_runs
from made_up_arms import noisy_runs
from reporting.made_up_runs import SENTENCE, made_up_predictions, made_up_record, write_run

RATE = "train.learning_rate"
IMPORTANCES = {"method": "fANOVA", "values": {RATE: 0.81, "lora.rank": 0.19}, "reason": None}
TOO_FEW = {"method": "fANOVA", "values": {}, "reason": "1 trials have completed, and importances from fewer than 8"}


def made_up_trial(number: int, draw: np.random.Generator, level: float, state: str = "complete") -> dict[str, Any]:
    """Return a trial as ``study.json`` holds it."""
    rate, rank = float(10 ** draw.uniform(-4, -2.4)), int(draw.choice([4, 8, 16]))
    value = float(level - 0.08 * (np.log10(rate) + 3.1) ** 2 + 0.012 * draw.normal() + 0.004 * np.log2(rank))
    steps = [20, 40, 60, 80][: 2 if state == "pruned" else 4]
    reports = {str(step): value - 0.5 * float(np.exp(-step / 25)) for step in steps if state != "fail"}
    reason = {"pruned": "MedianPruner at step 40, 0.71", "fail": "loss became nan at step 9"}.get(state)
    return {
        "number": number,
        "state": state,
        "params": {RATE: rate, "lora.rank": rank},
        "values": [value] if state == "complete" else None,
        "reports": reports,
        "reason": reason,
        "attempts": 2 if number == 1 else 1,
        "seconds": 18.0 + number if state != "pruned" else 8.0,
        "tokens": 80_000 if state == "complete" else 31_000,
        "started": f"2026-11-20T10:{number:02d}:00",
        "finished": f"2026-11-20T10:{number:02d}:30",
        "overrides": ["data=reuters_r8", f"{RATE}={rate}", f"lora.rank={rank}"],
        "folder": f"trial_{number:04d}",
    }


def made_up_study(name: str, states: list[str], *, level: float = 0.9, seed: int = 0, **given: Any) -> dict[str, Any]:
    """Return what ``study.json`` holds of a maximised study with trials in the given states."""
    draw = np.random.default_rng(seed)
    trials = [made_up_trial(number, draw, level, state) for number, state in enumerate(states)]
    completed = [trial for trial in trials if trial["state"] == "complete"]
    best = max(completed, key=lambda trial: trial["values"][0]) if completed else None
    return {
        "study": name,
        "command": "run.py experiment=head_vs_generative",
        "sampler": "TPESampler",
        "pruner": "MedianPruner",
        "objective": [],
        "space": {RATE: "tag(log, interval(0.0001, 0.004))", "lora.rank": "choice(4, 8, 16)"},
        "fixed": ["data=reuters_r8", f"head={name.rpartition('/')[2]}", "evaluate.test=false"],
        "directions": ["maximize"],
        "n_trials": len(states),
        "counts": {state: states.count(state) for state in dict.fromkeys(states)},
        "best": [best["number"]] if best else [],
        "best_command": f"python run.py data=reuters_r8 {RATE}={best['params'][RATE]}" if best else None,
        "trials": trials,
        "confirmed": [],
        "importances": IMPORTANCES if len(completed) >= 8 else TOO_FEW,
    } | given


MIXED = ["complete"] * 5 + ["pruned", "complete", "fail", "pruned"] + ["complete"] * 7


@cache
def record_of(kind: LabelKind) -> RunRecord:
    """Return a record; what it says of metrics is not read by the sweep's page."""
    rows = {"validation": made_up_predictions(kind, "validation", 20), "test": made_up_predictions(kind, "test", 20)}
    return made_up_record(kind, rows, baselines={}, objective={"name": "validation/macro_f1", "value": 0.9})


def write_study(folder: Path, study: dict[str, Any], kind: LabelKind = "single") -> Path:
    """Write a study with the record and an empty page of its first trial."""
    first = folder / "trial_0000"
    write_run(first, record_of(kind))
    (first / "report.html").write_text("")
    (folder / "study.json").write_text(json.dumps(study))
    return folder


def write_confirming(
    folder: Path, study: dict[str, Any], *, noise: float, runs: int, kind: LabelKind = "single", rows: int = 200
) -> list[Path]:
    """Write confirming runs of a study's best trial on rows that all arms share, and name them in the study."""
    (best,) = study["best"]
    test = made_up_predictions(kind, "test", rows, seed=7)
    texts = {str(row): f"{row}: {SENTENCE * 5}" for row in test.row_id[::3]}
    folders = []
    for place in range(runs):
        seed = 1000 + place
        run = folder / f"confirm_{best:04d}_seed_{seed}"
        record = record_of(kind)
        cost = record.cost | {"seconds": {"train": 60.0 / (1 + noise), "score test": 1.4 + noise}}
        config = record.config | {"seed": seed, "lora": {"kind": "lora", "rank": int(100 * noise)}}
        record = replace(record, config=config, cost=cost, fingerprint=f"{folder.name}{seed}")
        answered = noisy_runs(test, 1, noise=noise, seed=place + int(1000 * noise))[0]
        write_run(run, record, {"test": answered}, texts=texts)
        value = study["trials"][best]["values"][0] - 0.015 + 0.006 * place
        study["confirmed"].append({"trial": best, "seed": seed, "folder": run.name, "value": value})
        folders.append(run)
    (folder / "study.json").write_text(json.dumps(study))
    return folders


def sweep_with_arms(
    root: Path,
    arms: dict[str, float] | None = None,
    *,
    states: list[str] | None = None,
    kind: LabelKind = "single",
    runs: int = 3,
    rows: int = 200,
    margin: dict[str, float] | None = None,
) -> Path:
    """Write a sweep of arms, name to noise, with their studies, confirming runs and verdict."""
    found = {}
    for place, (arm, noise) in enumerate((arms or {"head": 0.5, "generative": 2.0}).items()):
        study = made_up_study(f"{root.name}/{arm}", states or MIXED, level=0.92 - 0.03 * noise, seed=place)
        folder = write_study(root / arm, study, kind)
        found[arm] = [write_confirming(folder, study, noise=noise, runs=runs, kind=kind, rows=rows)]
    judge_runs(found, CompareConfig(margin=margin or {}), root)
    return root


if __name__ == "__main__":
    from headtohead.reporting.sweeps import write_sweep_report

    where = Path(sys.argv[1])
    four = {"head": 0.5, "generative": 1.2, "tfidf and more": 0.55, "frozen": 3.0}
    margin = {"macro_f1": 0.05, "accuracy": 0.05}
    print(write_sweep_report(sweep_with_arms(where / "two", margin=margin, rows=1000, runs=5)))
    print(write_sweep_report(sweep_with_arms(where / "four", four, margin=margin, rows=600)))
    print(write_sweep_report(sweep_with_arms(where / "ordinal", kind="ordinal", rows=600)))
    print(write_sweep_report(sweep_with_arms(where / "multi", kind="multi", rows=600)))
    print(write_sweep_report(write_study(where / "plain", made_up_study("plain", MIXED * 2))))
    print(write_sweep_report(write_study(where / "one", made_up_study("one", ["complete"]))))
    print(write_sweep_report(write_study(where / "failed", made_up_study("failed", ["fail", "fail"]))))
