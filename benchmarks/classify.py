"""Classifying short texts, tokenisation included: ours against transformers' ``pipeline``.

    python benchmarks/classify.py [--texts 10000] [--blocks 5]

MiniLM-L6 in fp32 with the same readout on both sides. The texts are beginnings of Reuters articles whose lengths are those of short
messages: log-normal, 24 tokens on average, at most 128. ``pipeline`` takes 32 texts at a time, padded to the longest of them, in
the order in which they come and (B1) sorted by length, which it leaves to its user. Sides take turns, block by block.
The gate: the same label for at least 99.5 % of the texts.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]


def make_texts(corpus: Any, count: int) -> list[str]:
    """Return beginnings of articles of log-normal length."""
    draw = np.random.default_rng(0)
    words = np.clip(draw.lognormal(mean=2.75, sigma=0.75, size=count), 2, 100).astype(int)
    articles = corpus.train["text"][:]
    return [" ".join(articles[i % len(articles)].split()[: words[i]]) for i in range(count)]


class Sides:
    """One classifier, served either way."""

    def __init__(self, count: int) -> None:
        from hydra import compose, initialize_config_dir
        from transformers import TextClassificationPipeline

        from headtohead.data import load_corpus
        from headtohead.schema import to_typed
        from headtohead.sources import cache_root
        from headtohead.tasks.build import build_pack, load, score_width
        from headtohead.tasks.train_model import read_with
        from headtohead.training import Processes

        overrides = ["model=minilm_l6", "model.precision=fp32", "data=reuters_r8", "prompt=plain", "lora=frozen"]
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            config = to_typed(compose("config", overrides=[*overrides, "train.steps=0", "prompt.max_tokens=128"]))
        cache, processes = cache_root(None), Processes.current()
        corpus = load_corpus(config.data, cache)
        width = score_width(config, corpus.labels, np.asarray(corpus.train["label"][:]))
        backbone = load(config, corpus.labels, width=width, cache=cache, processes=processes)
        plain = copy.deepcopy(backbone.model).eval()
        self.reader = read_with(config, backbone, corpus)
        self.pack = build_pack([config], backbone, [self.reader], corpus.labels, None, processes=processes)
        head: Any = self.pack.trials[0].head
        plain.load_state_dict(dict(head.named_parameters()), strict=False)
        self.names = list(corpus.labels.names)
        self.pipeline = TextClassificationPipeline(model=plain, tokenizer=backbone.tokenizer, batch_size=32)
        self.texts = make_texts(corpus, count)

    def ours(self) -> list[int]:
        """Classify with ours."""
        from headtohead.training import score_prompts

        ids = self.reader.encoder.encode(self.texts)["input_ids"]
        lengths = np.asarray([len(row) for row in ids])
        scores = score_prompts(self.pack, lengths, lambda index: [ids[int(i)] for i in index])[0]
        found: list[int] = scores.argmax(axis=1).tolist()
        return found

    def theirs(self, *, by_length: bool) -> list[int]:
        """Classify with transformers' pipeline."""
        order = sorted(range(len(self.texts)), key=lambda i: len(self.texts[i]) if by_length else i)
        answers = self.pipeline([self.texts[i] for i in order], truncation=True, max_length=128)
        found = [0] * len(order)
        for row, answer in zip(order, answers, strict=True):
            found[row] = self.names.index(answer["label"])
        return found


def main() -> None:
    """Measure, and print the table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--blocks", type=int, default=5)
    options = parser.parse_args()
    sides = Sides(options.texts)
    ways = {
        "ours": sides.ours,
        "pipeline": lambda: sides.theirs(by_length=False),
        "pipeline, sorted": lambda: sides.theirs(by_length=True),
    }
    everything, sides.texts = sides.texts, sides.texts[:64]
    for way in ways.values():
        way()  # warm up
    sides.texts = everything
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    agreeing = []
    for block in range(options.blocks):
        answers = {}
        for name, way in ways.items():
            started = time.perf_counter()
            answers[name] = way()
            seconds[name].append(time.perf_counter() - started)
        same = (a == b for a, b in zip(answers["ours"], answers["pipeline"], strict=True))
        agreeing.append(statistics.mean(same))
        print(f"block {block}: " + ", ".join(f"{name} {own[-1]:.1f} s" for name, own in seconds.items()), flush=True)
    for name, own in seconds.items():
        if name != "ours":
            ratios = [theirs / ours for theirs, ours in zip(own, seconds["ours"], strict=True)]
            print(f"ours against {name}: {statistics.median(ratios):.2f}x [{min(ratios):.2f}, {max(ratios):.2f}]")
    print(f"gate: {min(agreeing):.2%} of the labels agree")
    print(json.dumps({"benchmark": "classify", "options": vars(options), "seconds": seconds, "agreeing": agreeing}))
    if min(agreeing) < 0.995:
        raise SystemExit("gate: VIOLATED")


if __name__ == "__main__":
    main()
