"""Small data sets, written on the spot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from headtohead.config.data import DataConfig, LabelsConfig
from headtohead.config.source import SourceConfig

WORDS = ["oil", "goal", "vote", "film", "chip", "bank", "team", "law", "song", "code"]


def row(number: int, label: object = None, words: int = 12) -> dict[str, Any]:
    """Return a row whose text no other number shares."""
    text = " ".join(f"{WORDS[(number * 7 + k * k) % 10]}{100 * number + k}" for k in range(words))
    return {"text": text, "label": ("odd" if number % 2 else "even") if label is None else label}


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write one JSON object per line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def config_of(path: Path, **settings: Any) -> DataConfig:
    """Return the configuration of a file or folder; labels are even and odd unless given."""
    settings = {"labels": LabelsConfig(names=["even", "odd"]), "name": "made_up", **settings}
    return DataConfig(source=SourceConfig(kind="path", name=str(path)), **settings)
