"""What a process keeps from one run for the next: rows, the model it loaded last, and the rows as that reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from headtohead.backbone import Backbone
from headtohead.batching.encode import EncodedRows
from headtohead.checkpoints import content_now
from headtohead.classifiers.build_pack import Reader, load, undress
from headtohead.config import Config, FullConfig
from headtohead.data import Corpus, load_corpus, source_content
from headtohead.labels import LabelSpace
from headtohead.training import Processes

T = TypeVar("T")


@dataclass(slots=True)
class Shelf:
    """Holds the last corpus and the last frozen model; a run of its own needs neither again.

    Args:
        keeps: whether anything is kept. A single run lets go of its model before it exports.
    """

    keeps: bool = True
    _kept: dict[str, tuple[str, Any]] = field(default_factory=dict)

    def corpus(self, config: Config, cache: Path) -> Corpus:
        """Return the rows of a run; files of this disk may have changed since, what is fetched is pinned.

        Raises:
            UserError: as ``load_corpus``.
        """
        if not self.keeps:
            return load_corpus(config.data, cache)
        content = source_content(config.data, cache) if config.data.source.kind == "path" else {}
        return self._get("corpus", [asdict(config.data), str(cache), content], lambda: load_corpus(config.data, cache))

    def backbone(
        self, config: Config, labels: LabelSpace, *, width: int, cache: Path, processes: Processes
    ) -> Backbone:
        """Return the model of a run, as it was loaded: whoever adapts it takes the adapters off again.

        Raises:
            UserError: as ``load``.
        """
        if (kept := self._kept.get("backbone")) is not None:
            undress(kept[1])  # what adapts it holds on to it

        def make() -> Backbone:
            return load(config, labels, width=width, cache=cache, processes=processes)

        if isinstance(config.lora, FullConfig):  # it trains the weights themselves
            self._kept.pop("backbone", None)
            return make()
        quantisation = config.lora.quantisation
        model = replace(config.model, adapter=None)  # whose weights a trial takes up once it has its own
        own = [content_now(model, cache), width, quantisation, config.train.gradient_checkpointing, str(cache)]
        key = [asdict(model), asdict(config.head), labels.as_dict(), *own]
        return self._get("backbone", key, make)

    def reading(
        self,
        config: Config,
        corpus: Corpus,
        backbone: Backbone,
        make: Callable[[], tuple[Reader, dict[str, EncodedRows]]],
    ) -> tuple[Reader, dict[str, EncodedRows]]:
        """Return how a run reads its rows, and the rows as they are read.

        Raises:
            UserError: as ``make``.
        """
        model = replace(config.model, adapter=None)
        key = [
            asdict(model),
            dict(backbone.content),
            asdict(config.head),
            asdict(config.prompt),
            asdict(config.data),
            corpus.fingerprint,
        ]
        return self._get("reading", [*key, config.evaluate.test], make)

    def _get(self, kind: str, key: list[Any], make: Callable[[], T]) -> T:
        name = json.dumps(key, sort_keys=True, default=str)
        known, value = self._kept.get(kind, ("", None))
        if known == name:
            found: T = value
            return found
        self._kept.pop(kind, None)  # two models at a time may not fit
        made = make()
        if self.keeps:
            self._kept[kind] = (name, made)
        return made
