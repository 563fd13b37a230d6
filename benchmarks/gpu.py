"""The table of a GPU: packs, single runs, 4-bit bases and label scoring at the shapes of real models, with random weights.

    python benchmarks/gpu.py                       # everything; no part begins after 7.5 minutes
    python benchmarks/gpu.py --parts packs score   # some of it
    python benchmarks/gpu.py --tiny                # every line of it on two-layer models, on a processor too

Needs no network and no weights: it writes checkpoints of the published shapes with random weights and a small tokenizer. First it
calibrates: how long an eager forward and backward pass of the plain script takes, how many kernels it starts, and for what share of
it the GPU is busy. Then each part lets the sides take turns, ``--blocks`` times, in one process on the same rows; a side's
first step of each block warms up and is not counted.

B0 is the Trainer script as cards have it (mixed precision over fp32 weights; 8B in bf16, or 4 bits). B1 has bf16 weights and groups
rows by length, which hands out sorted ones, so it takes fifty steps where the others take ten; of 8B, whose rows are all of
one length, it would be B0. B2 is sixteen processes of B1 that begin together when all have loaded, after the blocks: all their
tokens, from the first one's first step to the last one's last. A script trains one trial; since all trials of a grid cost
it the same, tokens a second of one are those of sixteen, one after another.

The gates, in fp32: a pack's losses are those of its trials alone to 1e-5 in the first step and 1e-4 in the fourth, when adapters
have moved; label log-probabilities are those of per-label scoring to 1e-4, and the best label is the first of them. In bf16
the same is printed. Each part is printed when it ends; one that fails says why and costs no other. After ``--minutes`` no
further block and no further part begins. So far it has been run on small models alone: sizes and times on a GPU are to be seen.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from transformers.utils import logging as transformers_logging

import trainer_script
from loaded import Loaded, composed
from report import finish, ratios, spread
from scoring import Sides

PARTS = ("packs", "encoder", "large", "large_nf4", "score")
SHAPES: dict[str, tuple[str, dict[str, Any]]] = {
    "qwen3_0_6b": (
        "qwen3",
        {
            "vocab_size": 151_936,
            "hidden_size": 1024,
            "intermediate_size": 3072,
            "num_hidden_layers": 28,
            "num_attention_heads": 16,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "tie_word_embeddings": True,
        },
    ),
    "qwen3_8b": (
        "qwen3",
        {
            "vocab_size": 151_936,
            "hidden_size": 4096,
            "intermediate_size": 12_288,
            "num_hidden_layers": 36,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 128,
        },
    ),
    "modernbert_base": (
        "modernbert",
        {
            "vocab_size": 50_368,
            "hidden_size": 768,
            "intermediate_size": 1152,
            "num_hidden_layers": 22,
            "num_attention_heads": 12,
        },
    ),
}
TINY = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 512,
}
WORDS = ("market", "match", "city", "business", "sport", "politics", "fox", "dog", "text", "label", "brown", "over")
LABELS, LABELS_TO_SCORE = 8, 77
CAPABLE = torch.cuda.is_available()
AT_ONCE_SECONDS = 120
"""For all of B2's processes to load, train and end."""


class Shapes:
    """Checkpoints of the shapes and files of made-up rows, in a folder.

    Args:
        options: of the command line.
    """

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        from transformers import AutoTokenizer

        from headtohead.sources import cache_root
        from headtohead.tiny import tiny_checkpoint

        self._options, self.folder = options, folder
        self._tokenizers = {
            kind: AutoTokenizer.from_pretrained(tiny_checkpoint(kind, cache_root(None)))
            for kind in ("qwen3", "modernbert")
        }
        draw = np.random.default_rng(0)
        lengths = np.clip(draw.lognormal(mean=4.0, sigma=0.5, size=4096), 8, 120).astype(int)
        self.write("train", lengths[: 128 if options.tiny else 4096], draw, [f"label {n}" for n in range(LABELS)])
        names = sorted({" ".join(draw.choice(WORDS, size=draw.integers(2, 6))) for _ in range(200)})
        names = [name for name in names if not any(other != name and other.startswith(name) for other in names)]
        names = names[: 8 if options.tiny else LABELS_TO_SCORE]
        self.write("long", np.full(32 if options.tiny else 512, 128), draw, [f"label {n}" for n in range(LABELS)])
        self.write("scored", np.full(4 * len(names) if options.tiny else 256, 30), draw, names)
        self.prefix = " ".join(draw.choice(WORDS, size=20 if options.tiny else 395))

    def write(self, name: str, lengths: np.ndarray, draw: np.random.Generator, labels: list[str]) -> None:
        """Write made-up rows of so many words."""
        rows = (
            {
                "text": f"{number} " + " ".join(draw.choice(WORDS, size=int(length))),
                "label": labels[number % len(labels)],
            }
            for number, length in enumerate(lengths)
        )
        (self.folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def checkpoint(self, shape: str) -> Path:
        """Write a checkpoint with random weights, in bf16, once."""
        from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM

        folder = self.folder / shape
        if folder.exists():
            return folder
        kind, sizes = SHAPES[shape]
        if self._options.tiny:
            small = {"num_key_value_heads": 2, "head_dim": 16} if kind == "qwen3" else {}
            sizes = sizes | TINY | small
        tokenizer = self._tokenizers[kind]
        special = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id, "bos_token_id": None}
        if kind == "modernbert":
            special |= {
                f"{name}_token_id": tokenizer.convert_tokens_to_ids(f"[{name.upper()}]") for name in ("cls", "sep")
            }
        config = AutoConfig.for_model(kind, max_position_embeddings=4096, **sizes, **special)
        factory = AutoModelForMaskedLM if kind == "modernbert" else AutoModelForCausalLM
        with torch.device("cuda" if CAPABLE else "cpu"):
            model = factory.from_config(config, dtype=torch.bfloat16)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    def config(self, shape: str, rows: str, *overrides: str) -> Any:
        """Return a run's configuration on a shape."""
        return composed(
            f"model={shape if shape != 'qwen3_8b' or not self._options.tiny else 'qwen3_0_6b'}",
            "model.variant=base",
            f"model.base={{kind: path, name: {self.checkpoint(shape)}}}",
            "data=files",
            f"data.source.name={self.folder / rows}.jsonl",
            "data.near_duplicates.enabled=false",
            "data.leakage=report",
            "data.split={validation: 0.05, test: 0.05}",
            *overrides,
        )


class Ours:
    """Trials of ours over one model, alone or in a pack."""

    def __init__(self, loaded: Loaded, configs: list[Any]) -> None:
        self.loaded, self.configs, self.rows = loaded, configs, loaded.rows("train")

    def train(self, trials: int, steps: int) -> dict[str, Any]:
        """Train some trials as a pack; return seconds and tokens after the first step, and the losses of all."""
        pack = self.loaded.pack(self.configs[:trials], self.rows)
        losses = [pack.step()]
        pack.drop_gradients()
        wait()
        tokens, started = sum(trial.progress.tokens for trial in pack.trials), time.perf_counter()
        for _ in range(steps):
            losses.append(pack.step())
            pack.drop_gradients()
        wait()
        seconds = time.perf_counter() - started
        return {
            "seconds": seconds,
            "tokens": sum(trial.progress.tokens for trial in pack.trials) - tokens,
            "losses": losses,
            "notes": pack.notes,
        }


class Script:
    """The Trainer script over one model."""

    def __init__(self, shapes: Shapes, shape: str, ours: Ours, *flags: str) -> None:
        rows, batch = ours.loaded.corpus.train, ours.configs[0].train.batch_size
        self.job = {
            "seed": 0,
            "model": str(shapes.checkpoint(shape)),
            "num_labels": LABELS,
            "rank": 16,
            "alpha": 32,
            "model_settings": {},
            "targets": ["Wqkv", "Wo", "Wi"] if shape == "modernbert_base" else "all-linear",
            "trained_whole": ["classifier" if shape == "modernbert_base" else "score"],
            "max_tokens": 128,
            "epochs": 1,
            "batch_size": batch,
            "learning_rate": 1e-4,
            "warmup_steps": 1,
            "use_cpu": not CAPABLE,
            "output": str(shapes.folder / "trainer"),
            "train": list(zip(rows["text"][:], rows["label"][:], strict=True)),
            "test": [],
        }
        self.flags = [*flags, *(["--bf16"] if CAPABLE else [])]  # mixed precision
        self._parts: Any = None

    def train(self, steps: int) -> dict[str, Any]:
        """Train one trial; return seconds and tokens after the first step."""
        if self._parts is None:
            options = trainer_script.parse(["job", *self.flags])
            tokenizer, model = trainer_script.load(self.job, options)
            self._parts = trainer_script.trainer_of(tokenizer, model, self.job | {"steps": steps + 1}, options)
        _, seconds, tokens = trainer_script.train(*self._parts)
        return {"seconds": seconds, "tokens": tokens}

    def at_once(self, processes: int, steps: int) -> dict[str, Any]:
        """Train in several processes at once (B2); return all tokens, and the seconds in which any trained."""
        with tempfile.TemporaryDirectory() as ready:
            path = Path(self.job["output"]).with_suffix(".json")
            together = {"folder": ready, "count": processes}
            path.write_text(json.dumps(self.job | {"steps": steps + 1, "together": together}))
            command = [sys.executable, trainer_script.__file__, str(path), *self.flags]
            started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
            try:
                said = [process.communicate(timeout=AT_ONCE_SECONDS)[0] for process in started]
            finally:
                for process in started:
                    process.kill()
        if failed := [process.returncode for process in started if process.returncode]:
            raise RuntimeError(f"{len(failed)} of {processes} scripts at once ended with status {failed[0]}")
        lines = [json.loads(text.strip().splitlines()[-1]) for text in said]
        firsts, lasts = zip(*(line["window"] for line in lines), strict=True)
        return {"seconds": max(lasts) - min(firsts), "tokens": sum(line["tokens"] for line in lines)}

    @property
    def step(self) -> Callable[[], None]:
        """Take one eager step, for the profiler."""
        trainer, _, collator = self._parts
        batch = collator([trainer.train_dataset[row] for row in range(self.job["batch_size"])])
        model, device = trainer.model, trainer.args.device

        def run() -> None:
            with torch.autocast(device.type, torch.bfloat16, enabled=CAPABLE):
                model(**{name: value.to(device) for name, value in batch.items()}).loss.backward()
            model.zero_grad()

        return run


def wait() -> None:
    """Wait for the GPU."""
    if CAPABLE:
        torch.cuda.synchronize()


def calibrate(script: Script) -> dict[str, float]:
    """Return what an eager forward and backward of the plain script costs."""
    from torch.profiler import ProfilerActivity, profile

    step = script.step
    step()
    wait()
    started = time.perf_counter()
    for _ in range(5):
        step()
    wait()
    seconds = (time.perf_counter() - started) / 5
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if CAPABLE else [])]
    with profile(activities=kinds) as found:
        step()
        wait()
    events = [event for event in found.events() or [] if event.device_type.name == "CUDA"]
    busy = sum(event.time_range.elapsed_us() for event in events) / 1e6
    return {"seconds": seconds, "kernels": float(len(events)), "busy": busy / seconds}


def rate(result: dict[str, Any]) -> float:
    """Return tokens a second."""
    return float(result["tokens"] / result["seconds"])


def flops_per_token(trunk: torch.nn.Module) -> float:
    """Return what a token of LoRA training multiplies in the frozen linear layers: forward, and gradients of inputs."""
    return 4.0 * sum(
        own.numel() for name, own in trunk.named_parameters() if "embed" not in name and "lora_" not in name
    )


def trials(shapes: Shapes, shape: str, count: int, batch: int, *overrides: str, rows: str = "train") -> list[Any]:
    """Return configurations that differ in rank, rate and seed."""
    own = [
        "prompt=plain",
        "prompt.max_tokens=128",
        "lora=r16",
        "train.epochs=100",
        f"train.batch_size={batch}",
    ]
    return [
        shapes.config(
            shape,
            rows,
            *own,
            f"lora.rank={(8, 16)[number % 2]}",
            f"train.learning_rate={1e-4 * (1 + number % 4)}",
            f"seed={number}",
            *overrides,
        )
        for number in range(count)
    ]


def compare(
    name: str,
    sides: dict[str, Callable[[], dict[str, Any]]],
    options: argparse.Namespace,
    ours: str = "pack",
    unit: str = "tokens",
) -> dict[str, list[dict[str, Any]]]:
    """Let sides take turns; print how much faster the first is than each."""
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for side in sides.values():
        side()  # warm up
    for block in range(options.blocks):
        if block and time.perf_counter() > options.deadline:
            print(f"{name}: {block} of {options.blocks} blocks, for want of time", flush=True)
            break
        for side, work in sides.items():
            found[side].append(work())
    rates = {side: [rate(result) for result in results] for side, results in found.items()}
    for side, own in rates.items():
        faster = "" if side == ours else f", {ours} is {spread(ratios(rates[ours], own))} as fast"
        print(f"{name}: {side} {statistics.median(own):,.4g} {unit}/s{faster}", flush=True)
    return found


def packs(shapes: Shapes, options: argparse.Namespace) -> dict[str, Any]:
    """16 trials of the 0.6B shape in a pack, one and five of them, against B0, B1 and B2."""
    count, steps, grouped, processes = (3, 2, 2, 2) if options.tiny else (16, 10, 50, 16)
    shape = "qwen3_0_6b"
    configs = trials(shapes, shape, count, 8)
    ours = Ours(Loaded(configs[0]), configs)
    b0, b1 = Script(shapes, shape, ours), Script(shapes, shape, ours, "--group-by-length", *bf16_weights())
    b0.train(steps)
    found: dict[str, Any] = {"calibration": calibrate(b0)}
    print(f"an eager forward and backward pass of B0: {found['calibration']}", flush=True)
    sides = {
        "pack": lambda: ours.train(count, steps),
        "pack, attention padded": lambda: padding(lambda: ours.train(count, steps)),
        "B0": lambda: b0.train(steps),
        "B1": lambda: b1.train(grouped),
        "one run": lambda: ours.train(1, steps),
        "five seeds": lambda: ours.train(min(5, count), steps),
    }
    found["runs"] = compare(f"{count} trials of {shape}", sides, options)
    runs = found["runs"]
    first = [np.asarray(runs[side][-1]["losses"][0]) for side in ("pack", "pack, attention padded")]
    print(f"padding for attention changes losses of the first step by {np.abs(first[0] - first[1]).max():.1e}")
    rates = {side: [rate(result) for result in results] for side, results in runs.items()}
    print(f"one run against B0: {spread(ratios(rates['one run'], rates['B0']))}")
    wall = [b0 / own * min(5, count) for own, b0 in zip(rates["five seeds"], rates["B0"], strict=True)]
    print(f"five seeds take {spread(wall)} of the wall time of one B0 run")
    flops = flops_per_token(ours.loaded.backbone.trunk)
    print(f"packed: {statistics.median(rates['pack']) * flops / 1e12:.1f} TFLOP/s of the model")
    found |= {"flops_per_token": flops, "parity": parity(shapes, ours.loaded, shape, min(4, count))}
    found["parity_fp32"] = parity_in_fp32(shapes, shape, min(4, count))
    try:
        found["b2"] = [rate(b1.at_once(processes, grouped)) for _ in range(1 if options.tiny else 2)]
    except (RuntimeError, subprocess.TimeoutExpired) as error:  # what was measured before is worth having
        return found | {"error": f"B2: {error}"}
    median = statistics.median(found["b2"])
    faster = statistics.median(rates["pack"]) / median
    print(f"B2, {processes} processes: {median:,.0f} tokens/s, the pack is {faster:.2f}x as fast", flush=True)
    return found


def parity_in_fp32(shapes: Shapes, shape: str, count: int) -> list[float]:
    """Return what ``parity`` does, of a model in fp32."""
    exact = Loaded(trials(shapes, shape, 1, 8, "model.precision=fp32")[0])
    return parity(shapes, exact, shape, count, "model.precision=fp32")


def padding(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Do something with rows padded for attention, where else PyTorch's kernel for rows of any lengths would read them."""
    from headtohead.batching import varlen

    with mock.patch.object(varlen, "takes", return_value=False):
        return work()


def parity(shapes: Shapes, loaded: Loaded, shape: str, count: int, *overrides: str) -> list[float]:
    """Return by how much losses of trials in a pack and alone differ, in the first step and in the fourth."""
    configs = trials(shapes, shape, count, 8, "train.warmup_fraction=0", "train.learning_rate=1e-3", *overrides)
    together = np.asarray(Ours(loaded, configs).train(count, 3)["losses"])
    alone = np.hstack([np.asarray(Ours(loaded, [config]).train(1, 3)["losses"]) for config in configs])
    off = [float(np.abs(together - alone)[step].max()) for step in (0, 3)]
    assert np.abs(alone[3] - alone[0]).max() > 0, "adapters have not moved"
    print(f"a pack's losses differ from those alone by {off[0]:.1e}, and by {off[1]:.1e} after three steps", flush=True)
    return off


def bf16_weights() -> list[str]:
    """Return the flag of a baseline whose frozen weights are in bf16, where that is fast."""
    return ["--bf16-weights"] if CAPABLE else []


def encoder(shapes: Shapes, options: argparse.Namespace) -> dict[str, Any]:
    """16 trials of ModernBERT-base's shape, against B0 and B1."""
    count, steps, grouped = (3, 2, 2) if options.tiny else (16, 10, 50)
    shape = "modernbert_base"
    configs = trials(shapes, shape, count, 8)
    ours = Ours(Loaded(configs[0]), configs)
    b0, b1 = Script(shapes, shape, ours), Script(shapes, shape, ours, "--group-by-length", *bf16_weights())
    sides = {
        "pack": lambda: ours.train(count, steps),
        "B0": lambda: b0.train(steps),
        "B1": lambda: b1.train(grouped),
    }
    runs = compare(f"{count} trials of {shape}", sides, options)
    return {"runs": runs, "parity_fp32": parity_in_fp32(shapes, shape, min(4, count))}


def large(shapes: Shapes, options: argparse.Namespace, *, nf4: bool = False) -> dict[str, Any]:
    """8 trials of the 8B shape: LoRA with 8 rows of 128 tokens, or QLoRA with 4."""
    count, steps, batch = (2, 2, 4) if options.tiny else (8, 3, 4 if nf4 else 8)
    own = ["lora=qlora"] if nf4 else []
    configs = trials(shapes, "qwen3_8b", count, batch, *own, rows="long")
    ours = Ours(Loaded(configs[0]), configs)
    b0 = Script(shapes, "qwen3_8b", ours, *(["--nf4"] if nf4 else bf16_weights()))
    sides = {"pack": lambda: ours.train(count, steps), "B0": lambda: b0.train(steps)}
    runs = compare(f"{count} trials of qwen3_8b{', 4 bits' if nf4 else ''}", sides, options)
    flops = flops_per_token(ours.loaded.backbone.trunk) if not nf4 else None
    if flops:
        median = statistics.median(rate(result) for result in runs["pack"])
        print(f"packed: {median * flops / 1e12:.1f} TFLOP/s of the model", flush=True)
    return {"runs": runs, "flops_per_token": flops, "parity": parity(shapes, ours.loaded, "qwen3_8b", 2, *own)}


def score(shapes: Shapes, options: argparse.Namespace) -> dict[str, Any]:
    """All labels after a shared beginning, against one forward per label and ``generate``; then in fp32 for the gate."""

    def sides_in(precision: str, few: int) -> Sides:
        config = shapes.config(
            "qwen3_0_6b",
            "scored",
            "head=generative",
            "lora=frozen",
            "train.steps=0",
            "prompt.max_tokens=512",
            "data.split={validation: 0.05, test: 0.5}",
            f"model.precision={precision}",
        )
        config.prompt.template = f"{shapes.prefix}\nText: {{text}}\nTopic:"
        return Sides(config, few)

    sides = sides_in("auto", 4 if options.tiny else 16)
    rows = len(sides.rows)

    def timed(work: Callable[[], Any]) -> dict[str, Any]:
        wait()
        started = time.perf_counter()
        result = work()
        wait()
        return {"seconds": time.perf_counter() - started, "tokens": rows, "result": result}

    found = compare(
        "rows scored",
        {
            "all labels": lambda: timed(sides.all_labels),
            "per label": lambda: timed(sides.per_label) | {"tokens": sides.few},
            "best label": lambda: timed(sides.best_label),
            "generate": lambda: timed(sides.generate),
        },
        options,
        ours="all labels",
        unit="rows",
    )
    best = [rate(result) for result in found["best label"]]
    print(f"best label against generate: {spread(ratios(best, [rate(result) for result in found['generate']]))}")
    agree = float((found["best label"][-1]["result"] == found["all labels"][-1]["result"].argmax(axis=1)).mean())
    exact = sides_in("fp32", 4)
    scores = exact.all_labels()
    off = float(np.abs(scores[: exact.few] - exact.per_label()).max())
    differing = int((exact.best_label() != scores.argmax(axis=1)).sum())
    print(
        f"in fp32 log-probabilities differ by {off:.1e}, {differing} best labels; in bf16 {agree:.1%} agree", flush=True
    )
    seconds = {side: [result["seconds"] for result in results] for side, results in found.items()}
    about = {"seconds": seconds, "rows": rows, "few": sides.few}
    return about | {"off_fp32": off, "differing_fp32": differing, "agree": agree}


@contextmanager
def freed() -> Iterator[None]:
    """Give a part's memory back."""
    yield
    if CAPABLE:
        import gc

        gc.collect()
        torch.cuda.empty_cache()


def main() -> None:
    """Measure part by part, each as it comes, and print a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=7.5, help="after which no further part or block begins")
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    if not CAPABLE and not options.tiny:
        sys.exit(
            "benchmarks/gpu.py measures a GPU, and torch sees none here; --tiny runs it on small shapes on a processor"
        )
    work: dict[str, Callable[[Shapes, argparse.Namespace], dict[str, Any]]] = {
        "packs": packs,
        "encoder": encoder,
        "large": large,
        "large_nf4": lambda shapes, options: large(shapes, options, nf4=True),
        "score": score,
    }
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    found: dict[str, Any] = {}
    started = time.perf_counter()
    options.deadline = started + 60 * options.minutes
    with tempfile.TemporaryDirectory() as folder:
        shapes = Shapes(options, Path(folder))
        for part in options.parts:
            if time.perf_counter() > options.deadline:
                print(f"{part}: not begun, for want of time", flush=True)
                continue
            with freed():
                try:
                    found[part] = work[part](shapes, options)
                except Exception as error:  # out of memory, a library that is missing: the other parts are worth having
                    found[part] = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps({part: found[part]}, default=str), flush=True)
            print(f"({part}: {time.perf_counter() - started:.0f} s since the start)", flush=True)
    finish("gpu", options, is_right(found), found=found)


def is_right(found: dict[str, Any]) -> bool | None:
    """Whether what was measured was right and nothing failed; None where nothing was measured."""
    checks = ["error" not in part for part in found.values()]
    for part in found.values():
        if "parity_fp32" in part:
            checks += [own <= limit for own, limit in zip(part["parity_fp32"], (1e-5, 1e-4), strict=True)]
        if "off_fp32" in part:
            checks += [part["off_fp32"] <= 1e-4, not part["differing_fp32"]]
    return all(checks) if checks else None


if __name__ == "__main__":
    main()
