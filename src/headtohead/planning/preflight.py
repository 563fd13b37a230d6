"""What a run would be refused for, found beforehand: its data are read, its model is sketched without weights."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from dataclasses import asdict
from statistics import fmean
from typing import Any, TypeVar

import numpy as np

from headtohead.checkpoints import fetch_model
from headtohead.config import Config
from headtohead.data import Corpus, load_corpus
from headtohead.errors import UserError
from headtohead.packages import require_packages
from headtohead.planning.time_estimate import Size, run_seconds, size_of
from headtohead.sources import Fetched, cache_root

log = logging.getLogger(__name__)

T = TypeVar("T")
OF_THE_SPLITS = ("split", "subset", "seed", "duplicates", "near_duplicates", "leakage")
"""Of ``data`` what changes rows, and neither texts nor labels: configurations that differ in it are checked once."""


class Preflight:
    """Checks configurations, each question once, however many of them ask it."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}
        self._passed: list[tuple[Config, Size | None]] = []

    def check(self, config: Config) -> None:
        """Read the data, bring the model onto this disk, and see whether loss, head, layers and prompt fit both.

        Raises:
            UserError: what the run would be refused for.
        """
        require_packages(config)
        corpus, size = self.corpus(config), None
        if config.model.kind != "tfidf":
            checkpoint = self._checkpoint(config)
            parts = [asdict(part) for part in (config.model, config.head, config.loss, config.lora, config.prompt)]
            size = self._once([*parts, self._rows(config)], lambda: _check_model(config, checkpoint, corpus))
        self._passed.append((config, size))

    def seconds(self) -> float | None:
        """Return about how long one of the runs that have passed takes here; None where that cannot be told.

        It is an estimate for this machine's processor. An accelerator is left to the runs.
        """
        if not self._passed or any(size is None and config.model.kind != "tfidf" for config, size in self._passed):
            return None
        if any(size for _, size in self._passed) and _has_accelerator():
            return None
        return fmean(run_seconds(config, self.corpus(config), size) for config, size in self._passed)

    def corpus(self, config: Config) -> Corpus:
        """Return the rows of a configuration, or of one with other splits of them.

        Raises:
            UserError: they cannot be had or read.
        """
        return self._once(self._rows(config), lambda: load_corpus(config.data, cache_root(config.paths.cache)))

    def _checkpoint(self, config: Config) -> Fetched:
        """Return the checkpoint: fetched once, however many heads and layers are tried on it."""
        return self._once(
            ["checkpoint", asdict(config.model), config.paths.cache],
            lambda: fetch_model(config.model, cache_root(config.paths.cache)),
        )

    def steps(self, config: Config) -> int | None:
        """Return how many optimiser steps a run takes; None where they hang on the lengths of its texts."""
        from headtohead.training.schedule import planned_steps  # torch with it

        if config.train.steps is None and config.train.batch_tokens is not None:
            return None
        return planned_steps(config.train, math.ceil(len(self.corpus(config).train) / config.train.batch_size))

    @staticmethod
    def _rows(config: Config) -> list[Any]:
        data = {key: value for key, value in asdict(config.data).items() if key not in OF_THE_SPLITS}
        return [data, config.paths.cache]

    def _once(self, question: list[Any], answer: Callable[[], T]) -> T:
        key = json.dumps(question, sort_keys=True, default=str)
        if key not in self._known:
            try:
                self._known[key] = answer()
            except UserError as error:
                self._known[key] = error
        if isinstance(found := self._known[key], UserError):
            raise found
        known: T = found
        return known


def _check_model(config: Config, checkpoint: Fetched, corpus: Corpus) -> Size | None:
    """Return what a model has to do for a row, None where it cannot be sketched."""
    from headtohead.adapters import expected_count  # torch with it: TF-IDF is checked without
    from headtohead.backbone import sketch_backbone
    from headtohead.classifiers.build_pack import score_width
    from headtohead.runs.language_model_run import read_with

    width = score_width(config, corpus.labels, np.asarray(corpus.train["label"][:]))
    try:
        backbone = sketch_backbone(config.model, checkpoint, config.head, corpus.labels, width=width)
    except UserError:
        raise
    except (RuntimeError, ValueError) as error:  # an architecture that needs its weights to be built: its runs will see
        log.debug("%s cannot be sketched: %r", config.model.name, error)
        return None
    expected_count(backbone.trunk, backbone.model, config.lora)
    asked = config.prompt.max_tokens
    if asked is not None and asked > backbone.positions:
        raise UserError(
            f"prompt.max_tokens={asked}: {config.model.name} can place {backbone.positions} tokens; set "
            f"prompt.max_tokens={backbone.positions}, or leave it out, and it is chosen from the texts"
        )
    return size_of(config, backbone, read_with(config, backbone, corpus), corpus)


def _has_accelerator() -> bool:
    import torch

    return torch.accelerator.is_available()
