"""A sweep of 16 trials with halving, end to end, against the same grid as scripts run it.

    python benchmarks/sweep.py [--replicates 5] [--rows 160] [--epochs 4]

MiniLM-L6 with LoRA on short texts (Reuters R8, 24 tokens on average); eight learning rates and two ranks. Ours is
``python run.py -m hydra/launcher=fused hydra/sweeper/pruner=rungs``, timed whole: start-up, evaluation, records and pages.
B0 trains each combination to its end with the Trainer script, one process after another; B1 all of them in one process, in
bf16 where the processor has it and sorted by length, which costs it its score and so its choice. Ours
stops and chooses by validation log-loss, evaluated at the two rungs and at the end; B0 chooses by validation accuracy.
Every replicate has rows and seeds of its own; the sides take turns.

The gate: over the replicates, the configuration that ours chooses is not worse than that of the whole grid by more than .3
points. Both are judged by one yardstick: trained anew by ours on ``--judges`` fresh seeds of the replicate's rows, test accuracy.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from loaded import TRAINER_SCRIPT, composed, multiplies_bf16, output_of, run
from report import finish, ratios, spread
from short_texts import shortened
from single_run import SAME_AS_OURS

RATES = [float(f"{rate:.2g}") for rate in np.geomspace(1e-4, 1e-2, 8)]
RANKS = (4, 16)
GRID = [(rate, rank) for rate in RATES for rank in RANKS]
VALIDATION, TEST, LABELS = 200, 600, 8
REDUCTION = 4
Choice = tuple[float, int]


def write_rows(options: argparse.Namespace, folder: Path, seed: int) -> None:
    """Write the replicate's rows, for both sides."""
    from headtohead.data import load_corpus
    from headtohead.sources import cache_root

    corpus = load_corpus(composed("data=reuters_r8", f"data.seed={seed}").data, cache_root(None))
    draw = np.random.default_rng(seed)
    train = shortened(corpus.train, len(corpus.train), seed)
    test = shortened(corpus.tests["test"], len(corpus.tests["test"]), seed)
    order, tests = draw.permutation(len(train)), draw.permutation(len(test))[:TEST]
    parts = {
        "train": [train[i] for i in order[: options.rows]],
        "validation": [train[i] for i in order[options.rows : options.rows + VALIDATION]],
        "test": [test[i] for i in tests],
    }
    for name, rows in parts.items():
        lines = (json.dumps({"text": text, "label": f"topic_{label}"}) for text, label in rows)
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")


def settings(options: argparse.Namespace, folder: Path) -> list[str]:
    """Return what all trials have in common."""
    return [
        "model=minilm_l6",
        "data=files",
        f"data.source.name={folder}",
        "data.files.train=train.jsonl",
        "+data.files.validation=validation.jsonl",
        "+data.files.test=test.jsonl",
        f"data.labels.names=[{','.join(f'topic_{label}' for label in range(LABELS))}]",  # few rows need not hold all
        "data.near_duplicates.enabled=false",
        "data.leakage=report",
        "prompt=plain",
        "prompt.max_tokens=128",
        "lora=r16",
        "train.batch_size=16",
        f"train.epochs={options.epochs}",
        "train.metric=log_loss",
        "evaluate.baselines=false",
        "export.form=none",
        "track=off",
        f"paths.outputs={folder / 'outputs'}",
        "hydra/launcher=fused",
        "hydra.launcher.trials_at_once=16",
    ]


def ours(options: argparse.Namespace, folder: Path, seed: int) -> tuple[float, Choice, int]:
    """Sweep with halving; return seconds, what was chosen, and how many trials were given up early."""
    rungs = [step / -(-options.rows // 16) for step in (options.first_rung, REDUCTION * options.first_rung)]
    seconds = run(
        *("run.py", "-m", *settings(options, folder), f"seed={seed}", "hydra.sweeper.study_name=sweep"),
        *(
            f"train.evaluate_at={rungs}".replace(" ", ""),
            "hydra.sweeper.n_jobs=16",
            "hydra/sweeper/sampler=grid",
            "hydra/sweeper/pruner=rungs",
        ),
        *(f"hydra.sweeper.n_trials={len(GRID)}", f"hydra.sweeper.pruner.min_resource={options.first_rung}"),
        *(f"hydra.sweeper.pruner.reduction_factor={REDUCTION}", "evaluate.test=false"),
        f"train.learning_rate={','.join(map(str, RATES))}",
        f"lora.rank={','.join(map(str, RANKS))}",
    )
    trials = json.loads((folder / "outputs" / "sweep" / "study.json").read_text())["trials"]
    completed = [trial for trial in trials if trial["state"].lower().startswith("complete")]
    best = min(completed, key=lambda trial: trial["values"][0])["params"]
    choice = (float(best["train.learning_rate"]), int(best["lora.rank"]))
    return seconds, choice, len(trials) - len(completed)


def jobs_of_scripts(options: argparse.Namespace, folder: Path, seed: int) -> dict[Choice, Path]:
    """Write what the Trainer script needs for every combination."""
    from headtohead.checkpoints import fetch_model
    from headtohead.sources import cache_root

    steps = round(options.epochs * -(-options.rows // 16))
    rows = {
        split: [
            (row["text"], int(row["label"].removeprefix("topic_")))
            for row in map(json.loads, (folder / f"{name}.jsonl").read_text().splitlines())
        ]
        for split, name in (("train", "train"), ("test", "validation"))
    }
    job = {
        "seed": seed,
        "model": str(fetch_model(composed("model=minilm_l6").model, cache_root(None)).path),
        "num_labels": LABELS,
        **SAME_AS_OURS["minilm_l6"],
        "max_tokens": 128,
        "epochs": options.epochs,
        "batch_size": 16,
        "warmup_steps": -(-steps // 10),
        "use_cpu": True,
        "output": str(folder / "trainer"),
        **rows,
    }
    paths = {choice: folder / f"job-{number}.json" for number, choice in enumerate(GRID)}
    for (rate, rank), path in paths.items():
        path.write_text(json.dumps(job | {"learning_rate": rate, "rank": rank, "alpha": 2 * rank}))
    return paths


def accuracies(jobs: Iterable[Path], *flags: str) -> list[float]:
    """Train with the Trainer script, in one process; return each job's accuracy."""
    lines = output_of(TRAINER_SCRIPT, *map(str, jobs), *flags).splitlines()
    return [json.loads(line)["accuracy"] for line in lines if line.startswith('{"steps"')]


def grid_of_scripts(jobs: dict[Choice, Path]) -> tuple[float, Choice]:
    """B0: a process for every combination; return seconds and what was chosen."""
    started = time.perf_counter()
    scores = {choice: accuracies([path])[0] for choice, path in jobs.items()}
    return time.perf_counter() - started, max(scores, key=lambda choice: scores[choice])


def one_process(jobs: dict[Choice, Path]) -> float:
    """B1: all combinations in one process, sorted by length, in bf16 where the processor has it; return seconds."""
    precision = ["--bf16"] if multiplies_bf16() else []
    started = time.perf_counter()
    found = accuracies(jobs.values(), "--group-by-length", *precision)
    assert len(found) == len(jobs)
    return time.perf_counter() - started


def judged(options: argparse.Namespace, folder: Path, seed: int, choice: Choice) -> float:
    """Return a configuration's mean test accuracy on fresh seeds."""
    name = f"judge_{choice[0]}_{choice[1]}"
    seeds = ",".join(str(1000 + 100 * seed + number) for number in range(options.judges))
    run(
        *("run.py", "-m", *settings(options, folder), f"hydra.sweeper.study_name={name}", f"seed={seeds}"),
        *("train.evaluate_every=1000", "train.keep_best=false", "evaluate.test=true"),
        *(f"train.learning_rate={choice[0]}", f"lora.rank={choice[1]}"),
    )
    records = [json.loads(path.read_text()) for path in (folder / "outputs" / name).glob("*/*/result.json")]
    assert len(records) == options.judges, [record["status"] for record in records]
    return statistics.mean(record["metrics"]["test"]["accuracy"]["value"] for record in records)


def main() -> None:
    """Measure, and print each replicate and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="number of the first replicate")
    parser.add_argument("--rows", type=int, default=160)
    parser.add_argument("--epochs", type=float, default=4)
    parser.add_argument("--first-rung", type=int, default=5, help="optimiser steps")
    parser.add_argument("--judges", type=int, default=3)
    options = parser.parse_args()
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # both sides on the processor; benchmarks/gpu.py has the GPU's figures
    seconds: dict[str, list[float]] = {"ours": [], "B0": [], "B1": []}
    gaps: list[float] = []
    chosen: list[Any] = []
    for seed in range(options.first, options.first + options.replicates):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            write_rows(options, folder, seed)
            own, choice, given_up = ours(options, folder, seed)
            print(f"replicate {seed}: ours {own:.0f} s ({given_up} of {len(GRID)} given up early)", flush=True)
            jobs = jobs_of_scripts(options, folder, seed)
            single = one_process(jobs)
            print(f"replicate {seed}: B1 {single:.0f} s, {single / own:.1f}x", flush=True)
            theirs, other = grid_of_scripts(jobs)
            seconds["ours"].append(own)
            seconds["B0"].append(theirs)
            seconds["B1"].append(single)
            values = {each: judged(options, folder, seed, each) for each in {choice, other}}
        gaps.append(values[choice] - values[other])
        chosen.append({"ours": choice, "B0": other})
        print(
            f"replicate {seed}: B0 {theirs:.0f} s, {theirs / own:.1f}x; test accuracy of what ours chose "
            f"{values[choice]:.3f}, B0 {values[other]:.3f}",
            flush=True,
        )
    for name in ("B0", "B1"):
        print(f"against {name}: {spread(ratios(seconds[name], seconds['ours']))}")
    mean = statistics.mean(gaps)
    print(f"gate: what ours chose scores {mean:+.4f} against what the grid chose, over {len(gaps)} replicates")
    finish("sweep", options, mean >= -0.003, seconds=seconds, gaps=gaps, chosen=chosen)


if __name__ == "__main__":
    main()
