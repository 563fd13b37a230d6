"""``model/`` of a TF-IDF run: arrays, plain values and a card whose program rebuilds scikit-learn's vectoriser from them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from headtohead.errors import UserError
from headtohead.evaluation import Tfidf
from headtohead.export.card import HEADLINES, escaped, fenced
from headtohead.export.card_words import calibration_sentence
from headtohead.export.snippet import environment
from headtohead.results import Predictions, RunRecord

ARRAYS, VALUES, CARD = "tfidf.safetensors", "tfidf.json", "README.md"
TOLERANCE = 1e-9
"""How far a probability or score may move: all is computed in double precision."""
ASK = """
import sys
texts = json.load(sys.stdin)
json.dump([classify([text]).tolist()[0] for text in texts], sys.stdout)
"""


def write_tfidf(model: Tfidf, record: RunRecord, folder: Path) -> None:
    """Write the files of an export: arrays as safetensors, all else as JSON, and the card."""
    save_file(model.arrays(), folder / ARRAYS)
    values = {
        "schema_version": 1,
        **model.about(),
        "temperature": float(record.calibration.get("temperature", 1.0)),
        "terms": model.terms,
    }
    text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / VALUES).write_text(text + "\n", encoding="utf-8")
    (folder / CARD).write_text(_card(model, record), encoding="utf-8")


def program(model: Tfidf) -> str:
    """Return the program that the card prints; it defines ``classify``."""
    template = environment().get_template("tfidf.py.jinja")
    learns_all = len(model.learnt) == len(model.labels)
    return template.render(kind=model.labels.kind, decisions=len(model.learnt), learns_all=learns_all).strip() + "\n"


def gate(model: Tfidf, folder: Path, texts: Sequence[str], measured: Predictions) -> dict[str, Any]:
    """Run the card's own program in a fresh process and hold its answers against the stored predictions.

    Args:
        texts: of the rows of ``measured``.

    Returns:
        The record's ``export`` section, ``files`` aside.
    """
    found = np.asarray(_ask(program(model), folder, texts))
    expected = measured.scores if measured.is_expected_score else np.exp(measured.scores)
    moved = np.abs(found - expected) if found.shape == expected.shape else np.ones(1)
    largest = float(np.nan_to_num(moved, nan=1.0).max())
    reason = f"the exported model's answers move by up to {largest:.2g} (at most {TOLERANCE} allowed)"
    return {
        "form": "merged",
        "readout": "tfidf",
        "status": "failed" if largest > TOLERANCE else "passed",
        "reason": reason if largest > TOLERANCE else "",
        "gate": {"rows": len(texts), "tolerance": TOLERANCE, "checks": {"row by row": {"largest": largest}}},
        "drift": {},
    }


def _ask(code: str, folder: Path, texts: Sequence[str]) -> list[list[float]]:
    done = subprocess.run(
        [sys.executable, "-c", code + ASK],
        cwd=folder,
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise UserError(f"a fresh process cannot run the card's program: {last}")
    answers: list[list[float]] = json.loads(done.stdout)
    return answers


def _card(model: Tfidf, record: RunRecord) -> str:
    metrics = {
        split: [(name, found[name]["value"]) for name in HEADLINES if found.get(name, {}).get("value") is not None]
        for split, found in record.metrics.items()
    }
    env = environment()
    env.filters |= {"md": escaped, "fenced": fenced}
    return env.get_template("tfidf_card.md.jinja").render(
        name=record.name,
        labels=model.labels,
        terms=len(model.terms),
        rows=record.data.get("rows", {}).get("train", 0),
        data=record.data.get("name", ""),
        words=(record.data.get("words") or {}).get("reason", ""),
        metrics=metrics,
        calibration=calibration_sentence(record, {}),
        code=program(model),
    )
