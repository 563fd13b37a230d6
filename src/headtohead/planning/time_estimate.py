"""How long a run should take by its model's size, its tokens and this processor, where no earlier run tells: an estimate."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean
from typing import TYPE_CHECKING

from headtohead.config import Config, LoraConfig, TrainConfig
from headtohead.data import Corpus

if TYPE_CHECKING:
    import torch

    from headtohead.backbone import Backbone
    from headtohead.classifiers.build_pack import Reader

SAMPLE = 200
"""Training rows whose tokens are counted."""
MEASURED_SECONDS = 0.04
"""Of each of the three measurements."""
MEASURED_PRODUCT = 5e8
"""Floating-point operations of the product that is timed."""
MOST_NUMBERS = 1 << 22
"""Of the tensor that an elementwise operation is timed on; a larger one takes as long a number."""
FORWARD, BACKWARD = 40, 80
"""Operations of a layer besides its products, about: norms, activations, residuals, adapters, copies."""
LOADING = 4.0
"""Seconds in which rows are read and tokenised and a small model is loaded."""
EXPORT = 20.0
"""Seconds in which a small model is written, loaded in a fresh process and compared."""
CHARACTERS_A_SECOND = 400_000
"""That TF-IDF is fitted on, intervals included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What a model has to do for a row."""

    weights: int
    """Of the trunk's matrices, each of which every token is multiplied by."""
    width: int
    layers: int
    trained: float
    """Share of the layers that gradients go through."""
    gradients: int
    """Products of a trained layer in the backward pass: 1 for its input, 1 more for its own weights."""
    tokens: float
    """Of a row, as it is read."""
    dtype: torch.dtype
    """Of matrix products."""

    def seconds(self, rows: float, *, at_once: float, backward: bool = False) -> float:
        """Return what reading rows takes, or going back through them.

        Args:
            at_once: rows of a batch.
        """
        share, times = (self.trained, self.gradients) if backward else (1.0, 1)
        a_token = 2 * self.weights + 4 * self.layers * self.width * self.tokens  # matrices, and attention over the row
        products = a_token * rows * self.tokens * share * times / products_a_second(self.width, self.dtype)
        batch = _power_of_two(min(at_once, max(rows, 1)) * self.tokens)
        operations = self.layers * share * (BACKWARD if backward else FORWARD) * rows * self.tokens / batch
        return products + operations * operation_seconds(self.width, batch)


def size_of(config: Config, backbone: Backbone, reader: Reader, corpus: Corpus) -> Size | None:
    """Return the size of a model that was sketched, for rows as a reader reads them; None of one that tells no size."""
    import torch

    from headtohead.adapters.targets import features, is_linear
    from headtohead.backbone import resolve_dtype

    sample = corpus.train[:SAMPLE]
    counted = [len(ids) for ids in reader.encoder.whole(sample["text"], sample.get("messages"))]
    text = backbone.model.config.get_text_config()
    weights = sum(math.prod(features(module)) for module in backbone.trunk.modules() if is_linear(module))
    width, layers = (getattr(text, name, None) for name in ("hidden_size", "num_hidden_layers"))
    if not (weights and width and layers):
        return None
    trained = {"lora": getattr(config.lora, "top_layers", 1.0), "full": 1.0}.get(config.lora.kind, 0.0)
    return Size(
        weights=weights,
        width=width,
        layers=layers,
        trained=trained,
        gradients=1 if isinstance(config.lora, LoraConfig) else 2,
        tokens=max(1.0, fmean(min(count, reader.encoder.budget) for count in counted)),
        dtype=resolve_dtype(config.model.precision, torch.device("cpu")),
    )


def run_seconds(config: Config, corpus: Corpus, size: Size | None) -> float:
    """Return about how long a run takes, alone on this processor.

    Args:
        size: of its model; None for TF-IDF.
    """
    fits = config.model.kind == "tfidf" or config.evaluate.baselines
    baseline = 1 + len(corpus.train) * _characters(corpus) / CHARACTERS_A_SECOND if fits else 0.0
    if size is None:
        return LOADING + baseline
    train, rows = config.train, len(corpus.train)
    batch = train.batch_tokens / size.tokens if train.batch_tokens else train.batch_size
    trained = _planned_steps(train, math.ceil(rows / batch)) * batch
    evaluations = len(train.evaluate_at) or max(1.0, trained / rows / train.evaluate_every)
    scored = evaluations * len(corpus.validation)
    scored += sum(map(len, corpus.tests.values())) if config.evaluate.test else 0
    read = trained if size.trained else rows  # what nothing below the head trains is read once
    seconds = size.seconds(scored, at_once=train.score_batch_tokens / size.tokens)
    seconds += size.seconds(read, at_once=batch) + size.seconds(read, at_once=batch, backward=True)
    return LOADING + seconds + baseline + (0.0 if config.export.form == "none" else EXPORT)


def _planned_steps(config: TrainConfig, steps_per_epoch: int) -> int:
    from headtohead.training.schedule import planned_steps  # torch with it

    return planned_steps(config, steps_per_epoch)


def _characters(corpus: Corpus) -> float:
    texts = corpus.train[:SAMPLE]["text"]
    return sum(map(len, texts)) / max(1, len(texts))


def _power_of_two(tokens: float) -> int:
    """Return a number of tokens near that of a batch, so that few are measured."""
    return 1 << round(math.log2(max(tokens, 1)))


@lru_cache
def products_a_second(width: int, dtype: torch.dtype) -> float:
    """Return floating-point operations a second of this processor in products of a feed-forward layer's shape."""
    import torch

    tokens = max(1, round(MEASURED_PRODUCT / (8 * width**2)))
    states = torch.ones(min(tokens, 4096), width, dtype=dtype)
    weights = torch.ones(width, 4 * width, dtype=dtype)
    return 8 * len(states) * width**2 / _seconds_of(lambda: states @ weights)


@lru_cache
def operation_seconds(width: int, tokens: int) -> float:
    """Return how long an activation of a batch takes."""
    import torch

    states = torch.ones(min(tokens, MOST_NUMBERS // width), width)
    return _seconds_of(lambda: torch.nn.functional.gelu(states)) * tokens / len(states)


def _seconds_of(work: Callable[[], object]) -> float:
    """Return how long it takes on average, after a first time that is not counted."""
    work()
    started, times = time.perf_counter(), 0
    while times == 0 or time.perf_counter() - started < MEASURED_SECONDS:
        work()
        times += 1
    return (time.perf_counter() - started) / times
