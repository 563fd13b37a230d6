"""Whether an exported folder says what training said: asked of a fresh process, compared row by row."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from headtohead import atomic, child
from headtohead.errors import UserError
from headtohead.labels import LabelSpace

TOLERANCE = 1e-3
"""How far a probability may move; a score: in units of the scale's width."""
NEAR_TIE = 1e-4
"""Two answers this close in training's own fp32 scores are a tie: which comes first is rounding, not a flip."""
STORED = {"float32": ("largest", TOLERANCE), "bfloat16": ("mean", 0.03), "nf4": ("mean", 0.1)}
"""How far the export in fp32 may stand from the stored predictions, by the precision these were measured in: one row may
move far by rounding in bf16 and 4 bits, all of them together may not."""
LAUNCHER_VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")

Ask = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What training says of some rows, in fp32 over the unquantised base."""

    labels: LabelSpace
    texts: list[str]
    """Rendered prompts."""
    tokens: list[list[int]]
    scores: Float[np.ndarray, "rows width"]
    """As a record stores them: log-probabilities, or the score itself."""
    is_expected_score: bool
    names: list[str] | None
    """What the columns of the exported model's logits are called, where its configuration says so."""
    stored: Float[np.ndarray, "measured width"]
    """The first rows' stored predictions, in the precision that was measured; a text without end follows them."""
    row_ids: list[str]
    precision: str = "float32"
    """That was measured in: float32, bfloat16, or nf4 for a trunk in 4 bits."""
    published: list[int] = field(default_factory=list)
    """Rows that the card's programs are given too."""
    inputs: list[Any] = field(default_factory=list)
    """Those rows as a user has them: whole texts, or conversations."""

    def values(self, scores: np.ndarray) -> np.ndarray:
        """Return what is compared: probabilities, or the score in units of the scale's width."""
        return scores / self.scale if self.is_expected_score else np.exp(scores)

    @property
    def scale(self) -> float:
        """Width of the scale: of the labels' values, else of the scores themselves."""
        if not self.is_expected_score:
            return 1.0
        if self.labels.kind == "ordinal":
            return float(np.ptp(self.labels.values))
        return max(1.0, float(np.abs(self.scores).max()))

    def decisions(self, values: np.ndarray) -> np.ndarray:
        """Return the answers of each row (rows x 1; multi-label: rows x labels): a label, a yes or no, a grade."""
        if self.is_expected_score:
            known = np.asarray(self.labels.values or [0.0]) / self.scale
            return np.abs(values[:, :1] - known[None, :]).argmin(axis=1)[:, None]
        return values >= 0.5 if self.labels.kind == "multi" else values.argmax(axis=1)[:, None]

    def margins(self, values: np.ndarray) -> np.ndarray:
        """Return how far each answer is from being another, in the shape of ``decisions``."""
        if self.is_expected_score:
            borders = [(a + b) / 2 / self.scale for a, b in pairwise(self.labels.values)]
            return np.abs(values[:, :1] - np.asarray(borders or [np.inf])[None, :]).min(axis=1)[:, None]
        if self.labels.kind == "multi":
            return np.abs(values - 0.5)
        ordered = np.sort(values, axis=1)
        return (ordered[:, -1] - ordered[:, -2])[:, None]


def ask_fresh_process(request: dict[str, Any]) -> dict[str, Any]:
    """Have a new Python load the export and score the texts; see ``gate.answer``.

    Raises:
        UserError: it cannot; the message says what ended it.
    """
    environment = {name: value for name, value in os.environ.items() if name not in LAUNCHER_VARIABLES}
    environment |= {"HF_HUB_OFFLINE": "1", "PYTHONFAULTHANDLER": "1"}  # all lies on this disk; a crash leaves its stack
    with atomic.scratch(Path(request["folder"]).with_name("gate")) as temporary:  # in the run's folder, under its lock
        asked, answered = temporary / "request.json", temporary / "answer.json"
        asked.write_text(json.dumps(request), encoding="utf-8")
        command = child.tied([sys.executable, "-m", "headtohead.export.gate", str(asked), str(answered)])
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise UserError(f"a fresh process cannot load the export: {_why_it_ended(done)}")
        found: dict[str, Any] = json.loads(answered.read_text(encoding="utf-8"))
        return found


def _why_it_ended(done: subprocess.CompletedProcess[str]) -> str:
    """Name the signal that killed a process with the start of its stack, or the last line of its error."""
    lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
    if done.returncode < 0:
        return " | ".join([f"killed by {signal.Signals(-done.returncode).name}", *lines[:12]])
    return lines[-1] if lines else f"exit status {done.returncode}"


def compare(reference: Reference, answer: dict[str, Any]) -> dict[str, Any]:
    """Hold an export's fp32 answers against training's.

    Returns:
        ``passed``, ``reason`` (empty where it passed), and per way of scoring the ``largest`` move of a probability,
        ``flips`` and ``near_ties``.
    """
    if not answer["passes"]:
        return _judgement(reference, answer["problems"], {})
    expected = reference.values(reference.scores)
    checks = {
        how: _check(reference, expected, _scaled(reference, table))
        for how, table in answer["passes"]["float32"].items()
    }
    own, inputs = expected[reference.published], reference.published
    published = {how: _check(reference, own, _scaled(reference, table)) for how, table in answer["published"].items()}
    reasons = [*answer["problems"], *_naming(reference, answer), *_reading(reference, answer["tokens"])]
    failed = [how for how, found in checks.items() if found["largest"] > TOLERANCE or found["flips"]]
    if failed == ["mixed batches"]:
        reasons.append("rows agree one at a time but not in padded batches: the pad token differs from training's")
    rows = list(range(len(expected)))
    reasons += [_describe(reference, rows, how, answer["passes"]["float32"][how]) for how in failed]
    wrong = [how for how, found in published.items() if found["largest"] > TOLERANCE or found["flips"]]
    reasons += [_describe(reference, inputs, how, answer["published"][how]) for how in wrong]
    return _judgement(reference, reasons or _from_stored(reference, answer), checks | published)


def _judgement(reference: Reference, reasons: list[str], checks: dict[str, Any]) -> dict[str, Any]:
    return {
        "passed": not reasons,
        "reason": "; ".join(reasons),
        "rows": len(reference.stored),
        "tolerance": TOLERANCE,
        "stored": {
            "precision": reference.precision,
            "moved": STORED[reference.precision][0],
            "tolerance": STORED[reference.precision][1],
        },
        "near_tie": NEAR_TIE,
        "checks": checks,
    }


def _from_stored(reference: Reference, answer: dict[str, Any]) -> list[str]:
    """Hold an export that says what training's code says today against what was stored when it was measured."""
    which, tolerance = STORED[reference.precision]
    moved = drift(reference, answer)["float32"][which]
    if moved <= tolerance:
        return []
    return [
        f"the export and today's code agree, but not with the run's stored predictions: their {which} move is {moved:.4f}, at "
        f"most {tolerance} allowed of what was measured in {reference.precision}. The base model, the trained weights or the "
        "predictions are not those of the run any more"
    ]


def drift(reference: Reference, answer: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return how far the export in each precision stands from the stored predictions, which were measured."""
    stored = reference.values(reference.stored)
    result = {}
    for dtype, tables in answer["passes"].items():
        found = _scaled(reference, tables["row by row"])[: len(stored)]
        if found.shape != stored.shape:
            continue
        moved = np.nan_to_num(np.abs(found - stored), nan=1.0)
        flips = (reference.decisions(found) != reference.decisions(stored)).any(axis=1)
        result[dtype] = {
            "largest": float(moved.max()),
            "mean": float(moved.mean()),
            "flips": int(flips.sum()),
            "rows": len(stored),
        }
    return result


def _scaled(reference: Reference, table: Sequence[Sequence[float]]) -> np.ndarray:
    values = np.asarray(table, dtype=float)
    return values / reference.scale


def _check(reference: Reference, expected: np.ndarray, found: np.ndarray) -> dict[str, Any]:
    if found.shape != expected.shape:
        return {"largest": 1.0, "mean": 1.0, "flips": len(expected), "near_ties": 0}
    moved = np.nan_to_num(np.abs(found - expected), nan=1.0)
    differs = reference.decisions(found) != reference.decisions(expected)
    tie = reference.margins(expected) < NEAR_TIE
    return {
        "largest": float(moved.max()),
        "mean": float(moved.mean()),
        "flips": int((differs & ~tie).any(axis=1).sum()),
        "near_ties": int((differs & tie).any(axis=1).sum()),
    }


def _naming(reference: Reference, answer: dict[str, Any]) -> list[str]:
    if answer["names"] == reference.names:
        return []
    return [f"the labels in config.json are {answer['names']}, in training {reference.names}"]


def _reading(reference: Reference, tokens: list[list[int]]) -> list[str]:
    for row_id, ours, theirs in zip(reference.row_ids, reference.tokens, tokens, strict=True):
        if ours != theirs:
            where = next((i for i, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), None)
            place = f"they part at token {where}" if where is not None else "one continues where the other ends"
            return [
                f"row {row_id} is {len(theirs)} tokens to the exported tokenizer and {len(ours)} to training ({place})"
            ]
    return []


def _describe(reference: Reference, rows: list[int], how: str, table: Sequence[Sequence[float]]) -> str:
    """Say which probability moved most, and whether the columns merely stand in another order."""
    expected, found = reference.values(reference.scores)[rows], _scaled(reference, table)
    if found.shape != expected.shape:
        return f"{how}: {found.shape[1]} outputs per row instead of {expected.shape[1]}"
    moved = np.nan_to_num(np.abs(found - expected), nan=1.0)
    row, column = np.unravel_index(int(moved.argmax()), moved.shape)
    what = "score (in widths of the scale)" if reference.is_expected_score else "probability"
    name = "" if reference.is_expected_score else f" of {reference.labels.names[column]!r}"
    text = (
        f"{how}: the {what}{name} in row {reference.row_ids[rows[row]]} is {found[row, column]:.4f} in the export and "
        f"{expected[row, column]:.4f} in training (at most {TOLERANCE} allowed)"
    )
    return text + _permuted(reference, expected, found)


def _permuted(reference: Reference, expected: np.ndarray, found: np.ndarray) -> str:
    """Name the order in which the export's columns would fit, if there is one."""
    if reference.is_expected_score:
        return ""
    apart = np.abs(expected[:, :, None] - found[:, None, :]).max(axis=0)
    order = apart.argmin(axis=1)
    fits = sorted(order) == list(range(len(order))) and bool((apart.min(axis=1) <= TOLERANCE).all())
    names = [reference.labels.names[int(label)] for label in order.argsort()]
    return f": the labels stand in another order, as if they were {names}" if fits else ""
