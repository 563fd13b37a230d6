"""What benchmarks of our engine have in common: a configuration as ``python run.py`` composes it, its rows and its model."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
TRAINER_SCRIPT = str(ROOT / "benchmarks" / "trainer_script.py")


def composed(*overrides: str) -> Any:
    """Return the typed configuration of ``python run.py <overrides>``."""
    from hydra import compose, initialize_config_dir

    from headtohead.hydra_io.schema import to_typed

    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return to_typed(compose("config", overrides=list(overrides)))


def multiplies_bf16() -> bool:
    """Whether the processor does; one that emulates it takes many times as long as in fp32."""
    import torch

    from headtohead.backbone import resolve_dtype

    return resolve_dtype("auto", torch.device("cpu")) == torch.bfloat16


class Loaded:
    """Rows and model of a configuration, from which packs are built.

    Args:
        config: of a run, whose trunk, data and prompt others may share.
    """

    def __init__(self, config: Any) -> None:
        from headtohead.classifiers.build_pack import load, score_width
        from headtohead.data import load_corpus
        from headtohead.runs.language_model_run import read_with
        from headtohead.sources import cache_root
        from headtohead.training import Processes

        self.config, self.cache, self.processes = config, cache_root(None), Processes.current()
        self.corpus = load_corpus(config.data, self.cache)
        self.labels = self.corpus.labels
        width = score_width(config, self.labels, np.asarray(self.corpus.train["label"][:]))
        self.backbone = load(config, self.labels, width=width, cache=self.cache, processes=self.processes)
        self.reader = read_with(config, self.backbone, self.corpus)

    def rows(self, split: str) -> Any:
        """Return the tokenised rows of ``train``, ``validation`` or ``test``."""
        texts = {"train": self.corpus.train, "validation": self.corpus.validation, **self.corpus.tests}[split]
        return self.reader.encode(split, texts, labels=self.labels, key=self.corpus.fingerprint, cache=self.cache)

    def pack(self, configs: Sequence[Any], rows: Any) -> Any:
        """Return trials in a pack over the model, which no other pack may use any longer; without rows nothing trains."""
        from headtohead.classifiers.build_pack import build_pack, undress

        undress(self.backbone)
        self.backbone.states.clear()
        readers = [self.reader] * len(configs)
        return build_pack(configs, self.backbone, readers, self.labels, rows, processes=self.processes)


def run(*command: str) -> float:
    """Run a command in a process of its own; return its seconds."""
    started = time.perf_counter()
    output_of(*command)
    return time.perf_counter() - started


def output_of(*command: str) -> str:
    """Run a command in a process of its own; return what it prints.

    Raises:
        SystemExit: it fails.
    """
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout
