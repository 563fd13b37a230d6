"""Classifying short texts, tokenisation included: ours against transformers' ``pipeline``.

    python benchmarks/classify.py [--texts 10000] [--blocks 5]

MiniLM-L6 with the same readout, shortly trained, on both sides; ours in bf16 where the processor multiplies it. The texts
are beginnings of Reuters articles whose lengths are those of short messages: log-normal, 24 tokens on average. ``pipeline``
takes 32 texts at a time, padded to the longest of them, in the order in which they come and (B1) sorted by length,
which it leaves to its user, in fp32 and, where ours is, in bf16. Sides take turns, block by block.
The gate: the same label for at least 99.5 % of the texts as ``pipeline`` gives in fp32.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from typing import Any

import numpy as np
import torch

from loaded import Loaded, composed
from report import finish, ratios, spread
from short_texts import shortened

STEPS = 60
"""The readout is trained for: one without training hardly tells the labels apart."""
PLAIN = "pipeline, fp32"
"""As people call it."""


class Sides:
    """One classifier, served either way: the same readout on the checkpoint's own weights."""

    def __init__(self, options: argparse.Namespace) -> None:
        from transformers import AutoModelForSequenceClassification, TextClassificationPipeline

        from headtohead.checkpoints import fetch_model

        shared = ["model=minilm_l6", "data=reuters_r8", "data.subset.train=480", "prompt=plain", "lora=frozen"]
        own = [f"model.precision={options.precision}", "prompt.max_tokens=128", f"train.steps={STEPS}"]
        loaded = Loaded(composed(*shared, *own))
        self.reader, self.pack = loaded.reader, loaded.pack([loaded.config], loaded.rows("train"))
        for _ in range(STEPS):
            self.pack.step()
            self.pack.drop_gradients()
        self.precision = str(self.pack.dtype).removeprefix("torch.")
        self.names = list(loaded.labels.names)
        self.texts = [text for text, _ in shortened(loaded.corpus.train, options.texts)]
        folder = fetch_model(loaded.config.model, loaded.cache).path
        head: Any = self.pack.trials[0].head
        self.pipelines = {}
        for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
            model = AutoModelForSequenceClassification.from_pretrained(
                folder,
                num_labels=len(self.names),
                id2label=dict(enumerate(self.names)),
                label2id={name: label for label, name in enumerate(self.names)},
                dtype=dtype,
            ).eval()
            model.load_state_dict(dict(head.named_parameters()), strict=False)
            self.pipelines[name] = TextClassificationPipeline(
                model=model, tokenizer=loaded.backbone.tokenizer, batch_size=32, device="cpu"
            )

    def ours(self) -> list[int]:
        """Classify with ours."""
        from headtohead.training import score_prompts

        ids = self.reader.encoder.encode(self.texts)["input_ids"]
        lengths = np.asarray([len(row) for row in ids])
        scores = score_prompts(self.pack, lengths, lambda index: [ids[int(i)] for i in index])[0]
        found: list[int] = scores.argmax(axis=1).tolist()
        return found

    def theirs(self, precision: str, *, by_length: bool) -> list[int]:
        """Classify with transformers' pipeline."""
        order = sorted(range(len(self.texts)), key=lambda i: len(self.texts[i]) if by_length else i)
        answers = self.pipelines[precision]([self.texts[i] for i in order], truncation=True, max_length=128)
        found = [0] * len(order)
        for row, answer in zip(order, answers, strict=True):
            found[row] = self.names.index(answer["label"])
        return found


def main() -> None:
    """Measure, and print the table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--precision", default="auto", choices=("auto", "fp32", "bf16"), help="ours")
    parser.add_argument("--blocks", type=int, default=5)
    options = parser.parse_args()
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # both sides on the processor; benchmarks/gpu.py has the GPU's figures
    sides = Sides(options)
    ways = {
        "ours": sides.ours,
        PLAIN: lambda: sides.theirs("fp32", by_length=False),
        "pipeline, fp32, sorted": lambda: sides.theirs("fp32", by_length=True),
    }
    if sides.precision == "bfloat16":  # else a processor would have to emulate it
        ways["pipeline, bf16, sorted"] = lambda: sides.theirs("bf16", by_length=True)
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
        same = (a == b for a, b in zip(answers["ours"], answers[PLAIN], strict=True))
        agreeing.append(statistics.mean(same))
        print(f"block {block}: " + ", ".join(f"{name} {own[-1]:.1f} s" for name, own in seconds.items()), flush=True)
    for name, own in seconds.items():
        if name != "ours":
            print(f"ours ({sides.precision}) against {name}: {spread(ratios(own, seconds['ours']))}")
    print(f"gate: {min(agreeing):.2%} of the labels agree")
    finish("classify", options, min(agreeing) >= 0.995, ours=sides.precision, seconds=seconds, agreeing=agreeing)


if __name__ == "__main__":
    main()
