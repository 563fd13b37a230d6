"""Finished runs of tiny models, trained in seconds through the real entry's own composition."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from headtohead.config import Config
from headtohead.results import RunRecord, read_record
from headtohead.schema import to_typed
from headtohead.tasks.train import train

CONF = str(Path(__file__).parents[2] / "conf")
WORDS = {
    "business": ["market", "money", "bank", "price", "shares"],
    "sport": ["match", "goal", "team", "win", "player"],
    "tech": ["phone", "game", "computer", "software", "net"],
}
QUICK = [
    "model=tiny",
    "track=off",
    "data=files",
    "data.near_duplicates.enabled=false",
    "evaluate.baselines=false",
    "evaluate.resamples=100",
    "export.gate_rows=8",
    "train.steps=4",
    "train.learning_rate=5e-3",
]


def news_rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Texts of mixed lengths whose words give their label away."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        label = draw.choice(sorted(WORDS))
        words = [draw.choice([*WORDS[label], "the", "and"]) for _ in range(draw.randint(3, 25))]
        rows.append({"text": " ".join([*words, str(number)]), "label": label})
    return rows


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def configured(*overrides: str) -> Config:
    """Compose a configuration as the command line does."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(CONF, version_base="1.3"):
        return to_typed(compose("config", overrides=list(overrides)))


def finished(folder: Path, cache: Path, data: Path, *overrides: str) -> RunRecord:
    """Train, evaluate and export a run in ``folder``; return its record as read from disk."""
    config = configured(*QUICK, f"data.source.name={data}", f"paths.cache={cache}", *overrides)
    train(config, folder, "0")
    return read_record(folder / "result.json")
