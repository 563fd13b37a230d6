"""One training run: ours against a plain Trainer + PEFT script at the same settings, rows and steps.

    python benchmarks/single_run.py [--model smollm2_135m] [--data reuters_r8] [--blocks 5]

Arms run in turn (ours, the script as people run it, the script at its best; then again), each in a process of its own, so that
memory is each arm's own and a drift of the machine meets all. The first step of every run warms up and is not counted.
Prints real tokens per second, peak memory and test accuracy, and the ratios block by block. The gate: equal accuracy
within the paired noise of the test rows and seeds.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from loaded import TRAINER_SCRIPT, Loaded, composed, multiplies_bf16, output_of
from report import finish, spread
from short_texts import shortened

ARMS = {
    "ours": [],
    "script, fp32": [],
    "script, fp32 + length grouping": ["--group-by-length"],
    "script, bf16 + length grouping": ["--bf16", "--group-by-length"],
}
SAME_AS_OURS: dict[str, dict[str, Any]] = {
    "a decoder": {"model_settings": {}, "targets": "all-linear", "trained_whole": ["score"]},
    # The checkpoint's pooler was never trained for this; ours trains it with the head. And ours has no dropout in the trunk.
    "minilm_l6": {
        "model_settings": {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0},
        "targets": r".*encoder.*\.(query|key|value|dense)",
        "trained_whole": ["pooler", "classifier"],
    },
}
"""What the script needs to train the same weights under the same loss surface."""


def compose_config(options: argparse.Namespace, seed: int, files: Path | None) -> Any:
    """Compose the run's configuration; with ``--short`` its rows lie in files."""
    data = [f"data={options.data}"]
    if files:
        data = [
            "data=files",
            f"data.source.name={files}",
            "data.files.train=train.jsonl",
            "+data.files.test=test.jsonl",
        ]
        data += ["data.near_duplicates.enabled=false", "data.leakage=report"]
    return composed(
        f"model={options.model}",
        *data,
        f"data.subset.train={options.rows}",
        f"data.subset.test={options.test_rows}",
        f"data.seed={seed}",
        f"seed={seed}",
        f"prompt.max_tokens={options.max_tokens}",
        f"train.epochs={options.epochs}",
        f"train.batch_size={options.batch}",
        "lora=r16",  # every layer, as the script does
        "prompt=plain",
        "train.evaluate_every=1000",
        "train.keep_best=false",
        "export.form=none",
        "track=off",
    )


def write_short(options: argparse.Namespace, folder: Path) -> Path:
    """Write short texts, twice as many training rows as are used, for the seed to choose from."""
    from headtohead.data import load_corpus
    from headtohead.sources import cache_root

    corpus = load_corpus(composed(f"data={options.data}").data, cache_root(None))
    for name, rows, count in (
        ("train", corpus.train, 2 * options.rows),
        ("test", corpus.tests["test"], options.test_rows),
    ):
        lines = (json.dumps({"text": text, "label": label}) for text, label in shortened(rows, count))
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def run_ours(job_file: Path) -> None:
    """Train and score with our loop; print one JSON line."""
    from headtohead.training import score

    job = json.loads(job_file.read_text())
    config = compose_config(argparse.Namespace(**job["options"]), job["seed"], job["files"] and Path(job["files"]))
    loaded = Loaded(config)
    train, test = loaded.rows("train"), loaded.rows("test")
    pack = loaded.pack([config], train)
    trial = pack.trials[0]
    pack.step()
    pack.drop_gradients()
    warm, started = trial.progress.tokens, time.perf_counter()
    while trial.progress.step < trial.total_steps:
        pack.step()
        pack.drop_gradients()
    seconds = time.perf_counter() - started
    answers = score(pack, test)[0].argmax(axis=1)
    print(
        json.dumps(
            {
                "steps": trial.progress.step,
                "tokens": trial.progress.tokens - warm,
                "seconds": seconds,
                "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "accuracy": float((answers == test.targets).mean()),
            }
        )
    )


def make_job(options: argparse.Namespace, seed: int, folder: Path, files: Path | None) -> Path:
    """Write the rows and settings that every arm of a block shares."""
    from headtohead.checkpoints import fetch_model
    from headtohead.data import load_corpus
    from headtohead.sources import cache_root

    config = compose_config(options, seed, files)
    corpus = load_corpus(config.data, cache_root(None))
    test = corpus.tests["test"]
    steps = round(config.train.epochs * -(-len(corpus.train) // config.train.batch_size))
    job = {
        "options": vars(options),
        "seed": seed,
        "files": files and str(files),
        "model": str(fetch_model(config.model, cache_root(None)).path),
        "num_labels": len(corpus.labels),
        "rank": 16,
        "alpha": 32,
        **SAME_AS_OURS.get(options.model, SAME_AS_OURS["a decoder"]),
        "max_tokens": options.max_tokens,
        "epochs": config.train.epochs,
        "batch_size": config.train.batch_size,
        "learning_rate": config.train.learning_rate,
        "warmup_steps": -(-steps // 10),
        "use_cpu": not _has_gpu(),
        "output": str(folder / "trainer"),
        "train": list(zip(corpus.train["text"][:], corpus.train["label"][:], strict=True)),
        "test": list(zip(test["text"][:], test["label"][:], strict=True)),
    }
    path = folder / f"job-{seed}.json"
    path.write_text(json.dumps(job))
    return path


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def run_arm(arm: str, job: Path) -> dict[str, Any]:
    """Run one arm in a process of its own and return what it printed last."""
    command = [__file__, "--ours", str(job)] if arm == "ours" else [TRAINER_SCRIPT, str(job), *ARMS[arm]]
    result: dict[str, Any] = json.loads(output_of(*command).strip().splitlines()[-1])
    return result


def report(results: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Print the table and return what goes on record."""
    rates = {arm: [run["tokens"] / run["seconds"] for run in runs] for arm, runs in results.items()}
    print(f"{'':34}{'tokens/s':>10}{'peak GB':>10}{'accuracy':>10}{'ours is faster by':>28}")
    arms = {}
    for arm, runs in results.items():
        ratios = [own / other for own, other in zip(rates["ours"], rates[arm], strict=True)]
        accuracy = statistics.mean(run["accuracy"] for run in runs)
        memory = statistics.median(run["peak_memory_bytes"] for run in runs) / 2**30
        faster = spread(ratios) if arm != "ours" else ""
        print(f"{arm:34}{statistics.median(rates[arm]):10.0f}{memory:10.2f}{accuracy:10.4f}{faster:>28}")
        arms[arm] = {"runs": runs, "ratios": ratios}
    for arm in results.keys() - {"ours"}:
        mean, noise = gap(results, arm)
        print(f"ours minus {arm}: {mean:+.4f}, two standard errors over blocks {noise:.4f}")
    return arms


def gap(results: dict[str, list[dict[str, Any]]], arm: str) -> tuple[float, float]:
    """Return by how much ours scores better, and two standard errors of it."""
    gaps = [own["accuracy"] - other["accuracy"] for own, other in zip(results["ours"], results[arm], strict=True)]
    noise = 2 * statistics.stdev(gaps) / len(gaps) ** 0.5 if len(gaps) > 1 else float("nan")
    return statistics.mean(gaps), noise


def is_as_good(results: dict[str, list[dict[str, Any]]]) -> bool | None:
    """Whether ours is not worse than the plain script by more than noise; None where one block cannot say."""
    if "script, fp32" not in results or len(results["ours"]) < 2:
        return None
    mean, noise = gap(results, "script, fp32")
    return mean >= -noise


def main() -> None:
    """Run the blocks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2_135m")
    parser.add_argument("--data", default="reuters_r8")
    parser.add_argument("--rows", type=int, default=320)
    parser.add_argument("--test-rows", type=int, default=300)
    parser.add_argument("--max-tokens", type=int, default=256)
    parser.add_argument("--short", action="store_true", help="beginnings of the texts, 24 tokens on average")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--arms", nargs="*", choices=list(ARMS), help="all that the processor has the units for")
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ours:
        run_ours(options.ours)
        return
    del options.ours
    options.arms = options.arms or [arm for arm in ARMS if "bf16" not in arm or multiplies_bf16()]
    results: dict[str, list[dict[str, Any]]] = {arm: [] for arm in options.arms}
    with tempfile.TemporaryDirectory() as folder:
        files = write_short(options, Path(folder)) if options.short else None
        for block in range(options.blocks):
            job = make_job(options, seed=block, folder=Path(folder), files=files)
            for arm in options.arms:
                results[arm].append(run_arm(arm, job))
                last = results[arm][-1]
                print(f"block {block}, {arm}: {last['tokens'] / last['seconds']:.0f} tokens/s", flush=True)
    finish("single_run", options, is_as_good(results), arms=report(results))


if __name__ == "__main__":
    main()
