"""64 heads over one frozen trunk: our sweep from the command line to its end, against Trainer and scikit-learn.

    python benchmarks/frozen_heads.py [--rows 2000] [--epochs 10] [--blocks 5]

MiniLM-L6 with BERT's pooler and classifier trained on the trunk's first state; Reuters R8 at most 128 tokens; a grid of 16
learning rates, two losses and two class weightings. Ours is ``python run.py -m hydra/launcher=fused`` with
``train.frozen_states=memory``, timed whole: start-up, evaluation, records and pages of 64 runs. B0 is the Trainer script with a
frozen trunk, one process for each trial, timed whole; it runs one trial in each block, and 64 times its time is what a
grid of them takes. B1 reads the trunk once and fits 64 logistic regressions of scikit-learn on its mean-pooled states,
all in one process: another model of the head, so it is a yardstick of time, not of score. Sides take turns.

The gate: a trial of the sweep run again by itself, without kept states, has the same validation loss within 1e-3 and the same
score. Validation losses of the trial that B0 trains are printed beside ours; it starts from other random weights.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from loaded import TRAINER_SCRIPT, composed, output_of, run
from report import finish, ratios, spread
from single_run import SAME_AS_OURS

RATES = [float(f"{rate:.2g}") for rate in np.geomspace(1e-4, 1e-1, 16)]
SWEPT = [
    f"train.learning_rate={','.join(map(str, RATES))}",
    "loss=cross_entropy,focal",
    "loss.class_weights=none,balanced",
]
TRIALS = len(RATES) * 4
CHECKED = (RATES[8], "focal", "balanced")
OF_SCRIPT = (RATES[8], "cross_entropy", "none")
"""Learning rate, loss and class weights of the trial run again, and of the script's."""


def settings(options: argparse.Namespace) -> list[str]:
    """Return what all trials have in common."""
    return [
        "model=minilm_l6",
        "model.precision=fp32",
        "data=reuters_r8",
        f"data.subset={{train:{options.rows},validation:200,test:50}}",
        "prompt=plain",
        "prompt.max_tokens=128",
        "lora=frozen",
        f"train.epochs={options.epochs}",
        f"train.batch_size={options.batch}",
        f"train.evaluate_every={options.epochs}",
        "evaluate.test=false",
        "evaluate.baselines=false",
        "export.form=none",
        "track=off",
    ]


def ours(options: argparse.Namespace, folder: Path) -> float:
    """Run the sweep."""
    own = ["hydra/launcher=fused", f"hydra.launcher.trials_at_once={TRIALS}", "train.frozen_states=memory"]
    places = [f"paths.outputs={folder}", f"hydra.sweep.dir={folder}", "hydra.sweeper.study_name=heads"]
    return run("run.py", "-m", *settings(options), *own, *places, *SWEPT)


def alone(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run one of the sweep's trials by itself, without kept states; return its record."""
    own = zip(("train.learning_rate", "loss", "loss.class_weights"), CHECKED, strict=True)
    places = ["train.frozen_states=recompute", f"hydra.run.dir={folder}"]
    run("run.py", *settings(options), *places, *(f"{key}={value}" for key, value in own))
    record: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return record


def in_sweep(folder: Path, wanted: tuple[Any, ...]) -> dict[str, Any]:
    """Return a trial's record from the sweep."""
    for path in folder.glob("heads/*/result.json"):
        record: dict[str, Any] = json.loads(path.read_text())
        train, loss = record["config"]["train"], record["config"]["loss"]
        if (train["learning_rate"], loss["kind"], loss["class_weights"]) == wanted:
            return record
    sys.exit(f"the sweep in {folder} has no trial {wanted}")


def validation_loss(record: dict[str, Any]) -> float:
    """Return what a record says of it."""
    return float(record["metrics"]["validation"]["log_loss"]["value"])


def script(options: argparse.Namespace, block: int, folder: Path) -> tuple[float, float]:
    """Train one head with the Trainer script; return seconds and its validation loss."""
    from headtohead.checkpoints import fetch_model
    from headtohead.data import load_corpus
    from headtohead.sources import cache_root

    config = composed(*settings(options))
    corpus = load_corpus(config.data, cache_root(None))
    job = {
        "seed": block,
        "model": str(fetch_model(config.model, cache_root(None)).path),
        "num_labels": len(corpus.labels),
        **SAME_AS_OURS["minilm_l6"],
        "max_tokens": 128,
        "epochs": options.epochs,
        "batch_size": config.train.batch_size,
        "learning_rate": OF_SCRIPT[0],
        "warmup_steps": 10,
        "use_cpu": True,
        "output": str(folder / "trainer"),
        "train": list(zip(corpus.train["text"][:], corpus.train["label"][:], strict=True)),
        "test": list(zip(corpus.validation["text"][:], corpus.validation["label"][:], strict=True)),
    }
    path = folder / f"job-{block}.json"
    path.write_text(json.dumps(job))
    started = time.perf_counter()
    said = json.loads(output_of(TRAINER_SCRIPT, str(path), "--frozen").strip().splitlines()[-1])
    return time.perf_counter() - started, float(said["loss"])


def scikit_learn(options: argparse.Namespace) -> float:
    """Read the rows once and fit 64 logistic regressions."""
    import torch
    from sklearn.linear_model import LogisticRegression
    from transformers import AutoModel, AutoTokenizer

    from headtohead.checkpoints import fetch_model
    from headtohead.data import load_corpus
    from headtohead.sources import cache_root

    config = composed(*settings(options))
    corpus = load_corpus(config.data, cache_root(None))
    folder = fetch_model(config.model, cache_root(None)).path
    texts, labels = corpus.train["text"][:], corpus.train["label"][:]
    started = time.perf_counter()
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    parts = []
    order = np.argsort([len(text) for text in texts])
    with torch.no_grad():
        for start in range(0, len(order), 32):
            batch = [texts[i] for i in order[start : start + 32]]
            read = tokenizer(batch, truncation=True, max_length=128, padding=True, return_tensors="pt")
            hidden, mask = model(**read).last_hidden_state, read["attention_mask"][..., None]
            parts.append(((hidden * mask).sum(dim=1) / mask.sum(dim=1)).numpy())
    features, gold = np.concatenate(parts), np.asarray(labels)[order]
    for strength in np.geomspace(1e-2, 1e2, TRIALS // 2):
        for weights in (None, "balanced"):
            LogisticRegression(C=strength, class_weight=weights, max_iter=1000).fit(features, gold)
    return time.perf_counter() - started


def main() -> None:
    """Measure, and print the table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--epochs", type=float, default=10)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--blocks", type=int, default=5)
    options = parser.parse_args()
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # both sides on the processor; benchmarks/gpu.py has the GPU's figures
    seconds: dict[str, list[float]] = {"ours": [], "B0": [], "B1": []}
    of_script: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as temporary:
        expected = alone(options, Path(temporary) / "alone")
        for block in range(options.blocks):
            folder = Path(temporary) / f"block-{block}"
            folder.mkdir()
            seconds["ours"].append(ours(options, folder))
            print(f"block {block}: ours {seconds['ours'][-1]:.1f} s", flush=True)
            taken, loss = script(options, block, folder)
            seconds["B0"].append(TRIALS * taken)
            of_script.append((validation_loss(in_sweep(folder, OF_SCRIPT)), loss))
            print(
                f"block {block}: B0 {TRIALS} x {taken:.1f} s; validation loss {loss:.4f}, ours {of_script[-1][0]:.4f}",
                flush=True,
            )
            seconds["B1"].append(scikit_learn(options))
            found = in_sweep(folder, CHECKED)
            print(f"block {block}: B1 {seconds['B1'][-1]:.1f} s", flush=True)
    for name in ("B0", "B1"):
        print(f"against {name}: {spread(ratios(seconds[name], seconds['ours']))}")
    losses = [validation_loss(record) for record in (found, expected)]
    scores = [record["objective"]["value"] for record in (found, expected)]
    print(f"gate: validation loss {losses[0]:.5f}, alone {losses[1]:.5f}; score {scores[0]:.4f}, alone {scores[1]:.4f}")
    is_same = abs(losses[0] - losses[1]) <= 1e-3 and scores[0] == scores[1]
    finish("frozen_heads", options, is_same, seconds=seconds, losses=losses, of_script=of_script)


if __name__ == "__main__":
    main()
