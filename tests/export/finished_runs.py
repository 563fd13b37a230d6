"""Finished runs of tiny models, trained in seconds through the real entry's own composition."""

from __future__ import annotations

import json
import random
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from headtohead.classifiers.reload import read_run
from headtohead.config import Config
from headtohead.data import load_corpus
from headtohead.hydra_io.schema import to_typed
from headtohead.results import Predictions, RunRecord, read_predictions, read_record
from headtohead.runs.lifecycle import train
from headtohead.runs.run_export import export_folder
from headtohead.tiny import tiny_checkpoint

CONF = str(Path(__file__).parents[2] / "conf")
WORDS = {
    "business": ["market", "money", "bank", "price", "shares"],
    "sport": ["match", "goal", "team", "win", "player"],
    "tech": ["phone", "game", "computer", "software", "net"],
}
QUICK = [
    "model=tiny",
    "model.precision=fp32",  # what is compared with plain transformers, which reads fp32
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


def exported(folder: Path, cache: Path, form: str) -> dict[str, Any]:
    """Export a finished run once more; return the record's export section."""
    record, stored = read_run(folder)
    return export_folder(folder, record, form, load_corpus(stored.data, cache), cache)


def stored(folder: Path, split: str = "test") -> Predictions:
    """Read the stored predictions of a split, in the order of its file."""
    found = read_predictions(folder / "predictions.parquet").of_split(split)
    return found.select(np.argsort([int(re.findall(r"\d+", name)[-1]) for name in found.row_id]))


def run_code(code: str, **given: Any) -> dict[str, Any]:
    """Run a program as a user would, deprecations and all; return what it defined."""
    names: dict[str, Any] = {"__name__": "snippet", **given}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(code, "snippet", "exec"), names)
    return names


def card_code(model: Path) -> list[str]:
    """Return the programs that an export's card prints, its folder in place of its name."""
    card = (model / "README.md").read_text(encoding="utf-8")
    programs = [code for _, code in re.findall(r"^(`{3,})python\n(.*?)^\1$", card, flags=re.MULTILINE | re.DOTALL)]
    programs[0] = re.sub(r"^model_id = '.*'", f"model_id = {str(model)!r}", programs[0], flags=re.MULTILINE)
    return programs


def outspoken(architecture: str, cache: Path, folder: Path) -> Path:
    """Save a tiny model whose output embeddings are large enough for an adapter to make it sure of a token."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = tiny_checkpoint(architecture, cache)
    model = AutoModelForCausalLM.from_pretrained(source)
    model.get_output_embeddings().weight.data.mul_(20)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)
    return folder
