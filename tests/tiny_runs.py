"""Tiny random models, made-up rows and packs of them: what the tests of the training core are built from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset

from headtohead.backbone import Backbone
from headtohead.batching.encode import EncodedRows
from headtohead.classifiers.build_pack import Reader, build_pack, build_reader, load, score_width
from headtohead.config import (
    LOSS_CONFIGS,
    Config,
    DataConfig,
    EvaluateConfig,
    ExportConfig,
    FrozenConfig,
    FullConfig,
    HeadConfig,
    LoraConfig,
    ModelConfig,
    PathsConfig,
    PromptConfig,
    TaskConfig,
    TrackConfig,
    TrainConfig,
    TrainedConfig,
)
from headtohead.labels import LabelSpace
from headtohead.training import Pack, Processes, score

DECODERS = ("llama", "qwen2", "qwen3")
ENCODERS = ("bert", "modernbert")
ALONE = Processes(0, 1, torch.device("cpu"))
WORDS = tuple(
    "market match film vote phone city goal share song law chip london fox dog lazy quick over in the of".split()  # noqa: SIM905
)


def labels_of(kind: str = "single", words: Sequence[str] = ("sport", "politics", "tech", "business")) -> LabelSpace:
    """Return a label space of a kind; words of a single-label one are its names."""
    match kind:
        case "real":
            words = ("score",)
        case "ordinal":
            words = ("1", "2", "3", "4")
    return LabelSpace(
        kind=kind,  # type: ignore[arg-type]
        names=tuple(words),
        words=tuple(words),
        descriptions=("",) * len(words),
        values=tuple(float(i + 1) for i in range(len(words))) if kind == "ordinal" else (),
    )


def made_up_texts(count: int, *, seed: int = 0, longest: int = 12) -> list[str]:
    """Return texts of uneven length."""
    draw = np.random.default_rng(seed)
    return [" ".join(draw.choice(WORDS, size=int(draw.integers(1, longest + 1)))) for _ in range(count)]


def made_up_targets(labels: LabelSpace, count: int, *, seed: int = 0) -> list[Any]:
    """Return gold answers; every label occurs."""
    draw = np.random.default_rng([seed, 1])
    match labels.kind:
        case "multi":
            return (draw.random((count, len(labels))) < 0.4).astype(int).tolist()
        case "real":
            return draw.normal(size=count).tolist()
        case _:
            return [int(i) for i in draw.permutation(np.arange(count) % len(labels))]


def dataset_of(texts: Sequence[str], targets: Sequence[Any]) -> Dataset:
    """Return rows with the columns of a corpus."""
    count = len(texts)
    return Dataset.from_dict(
        {
            "row_id": [str(i) for i in range(count)],
            "text": list(texts),
            "label": list(targets),
            "group": [""] * count,
            "text_hash": [str(i) for i in range(count)],
        }
    )


def config_of(
    *,
    architecture: str = "llama",
    head: str = "classification",
    pooling: str = "native",
    normalisation: str = "none",
    loss: str | None = None,
    loss_options: dict[str, Any] | None = None,
    lora: TrainedConfig | None = None,
    prompt: PromptConfig | None = None,
    seed: int = 0,
    precision: str = "fp32",
    trunk_dropout: bool = False,
    **train: Any,
) -> Config:
    """Return a run's configuration; keywords beyond the named ones are those of ``train``.

    What frozen layers answer is not kept unless asked for: most tests are about a trunk that runs.
    """
    usual = {"batch_size": 8, "steps": 20, "warmup_fraction": 0.2, "learning_rate": 5e-4, "frozen_states": "recompute"}
    kind = loss or {"generative": "language_model", "regression": "mse"}.get(head, "cross_entropy")
    return Config(
        name="tiny",
        model=ModelConfig(
            name="tiny", kind="tiny", architecture=architecture, precision=precision, trunk_dropout=trunk_dropout
        ),
        data=DataConfig(),
        prompt=prompt or PromptConfig(template="Text: {text}\nAnswer:"),
        head=HeadConfig(kind=head, pooling=pooling, normalisation=normalisation),
        loss=LOSS_CONFIGS[kind](**(loss_options or {})),
        lora=lora or LoraConfig(rank=4),
        train=TrainConfig(**{**usual, **train}),
        evaluate=EvaluateConfig(),
        export=ExportConfig(),
        track=TrackConfig(),
        paths=PathsConfig(),
        task=TaskConfig(),
        seed=seed,
    )


def sharpen(model: torch.nn.Module, factor: float) -> None:
    """Scale a random model's weight matrices up, so that what it reads matters to what it answers."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() >= 2 and parameter.is_floating_point():
                parameter.mul_(factor)


class TinyRun:
    """A pack of trials over a tiny model, with everything it was made from."""

    def __init__(
        self,
        cache: Path,
        configs: Config | Sequence[Config],
        *,
        labels: LabelSpace | None = None,
        texts: Sequence[str] | None = None,
        targets: Sequence[Any] | None = None,
        sharpness: float = 4.0,
        processes: Processes = ALONE,
    ) -> None:
        self.configs = [configs] if isinstance(configs, Config) else list(configs)
        self.labels = labels or labels_of()
        self.texts = list(texts) if texts is not None else made_up_texts(48)
        given = targets if targets is not None else made_up_targets(self.labels, len(self.texts))
        self.data = dataset_of(self.texts, given)
        self.cache = cache
        widths = score_width(self.configs[0], self.labels, np.asarray(given))
        # A generative trial needs output embeddings; pooled heads read its trunk as well.
        first = next((config for config in self.configs if config.head.is_generative), self.configs[0])
        self.backbone: Backbone = load(first, self.labels, width=widths, cache=cache, processes=processes)
        sharpen(self.backbone.model, sharpness)
        self.readers: list[Reader] = [
            build_reader(config, self.backbone, self.labels, self.texts, []) for config in self.configs
        ]
        self.rows = self.encode("train", self.data)
        self.plain_model = plain_copy(self.backbone.model)
        self.pack: Pack = build_pack(
            self.configs, self.backbone, self.readers, self.labels, self.rows, processes=processes
        )

    def encode(self, split: str, data: Dataset) -> EncodedRows:
        """Tokenise a split with the first trial's reader."""
        return self.readers[0].encode(split, data, labels=self.labels, key="made up", cache=self.cache)

    def scores(self) -> np.ndarray:
        """Return the first trial's stored scores of all rows."""
        return score(self.pack, self.rows)[0]


def plain_copy(model: Any) -> Any:
    """Return an untouched copy of a transformers model, for reference implementations."""
    import copy

    return copy.deepcopy(model)


def assert_bit_equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    """Check that two sets of weights are the same to the last bit."""
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name


def plant_infinity(pack: Pack, trial: int, at_step: int) -> None:
    """Make the loss of one trial infinite from a step on."""
    objective, progress = pack.trials[trial].objective, pack.trials[trial].progress

    class Planted:
        def __getattr__(self, name: str) -> object:
            return getattr(objective, name)

        def loss_sum(self, *arguments: object) -> torch.Tensor:
            loss = objective.loss_sum(*arguments)  # type: ignore[arg-type]
            return loss * float("inf") if progress.step == at_step else loss

    pack.trials[trial].objective = Planted()  # type: ignore[assignment]


__all__ = [
    "ALONE",
    "DECODERS",
    "ENCODERS",
    "FrozenConfig",
    "FullConfig",
    "LoraConfig",
    "TinyRun",
    "assert_bit_equal",
    "config_of",
    "dataset_of",
    "labels_of",
    "made_up_targets",
    "made_up_texts",
    "plain_copy",
    "plant_infinity",
    "sharpen",
]
