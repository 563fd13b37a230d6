"""Checkpoints: folders that appear whole, the newest two kept, tensors in safetensors, progress in JSON."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from headtohead import atomic
from headtohead.errors import UserError, some_of

FILES = ("weights", "optimizer", "best")
LABELS = "labels"
KEPT = 2


def save_checkpoint(folder: Path, step: int, tensors: dict[str, dict[str, Tensor]], progress: dict[str, Any]) -> None:
    """Write ``folder/step-<n>`` and drop all but the newest two."""
    with atomic.new_folder(folder / f"step-{step:09d}") as temporary:
        for name in FILES:
            save_file(tensors[name], temporary / f"{name}.safetensors")
        (temporary / "progress.json").write_text(json.dumps(progress, indent=2), encoding="utf-8")
    for old in sorted(folder.glob("step-*"))[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(folder: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]] | None:
    """Return the newest checkpoint's tensors and progress, or None where there is none."""
    found = _settled(folder)
    if not found:
        return None
    newest = found[-1]
    progress = json.loads((newest / "progress.json").read_text(encoding="utf-8"))
    return {name: load_file(newest / f"{name}.safetensors") for name in FILES}, progress


def save_weights(path: Path, state: dict[str, Tensor], *, labels: Sequence[str]) -> None:
    """Write a finished trial's weights: what evaluate, predict and export load.

    Args:
        labels: what the weights answer, in the order of their outputs; it travels in the file.
    """
    with atomic.new_file(path) as temporary:
        save_file(state, temporary, metadata={LABELS: json.dumps(list(labels), ensure_ascii=False)})


def load_weights(path: Path, *, labels: Sequence[str]) -> dict[str, Tensor]:
    """Read what ``save_weights`` wrote.

    Raises:
        UserError: the weights answer other labels, or the same in another order.
    """
    stored = stored_labels(path)
    if stored != list(labels):
        raise UserError(
            f"{path} holds weights that answer {some_of(stored)}, but the labels asked for are {some_of(labels)}: "
            "record and weights are not of one run; train it again with fresh=true"
        )
    return load_file(path)


def stored_labels(path: Path) -> list[str]:
    """Return what the weights in a file answer, in the order of their outputs.

    Raises:
        UserError: the file does not say.
    """
    with safe_open(path, framework="pt") as file:
        stored = (file.metadata() or {}).get(LABELS)
    if stored is None:
        raise UserError(f"{path} does not say which labels its weights answer; train the run again with fresh=true")
    names: list[str] = json.loads(stored)
    return names


def newest_step(folder: Path) -> int:
    """Return the step of the newest checkpoint, 0 where there is none."""
    return max((int(path.name.removeprefix("step-")) for path in _settled(folder)), default=0)


def _settled(folder: Path) -> list[Path]:
    """Return the whole checkpoints, oldest first, after undoing what a crash left half done."""
    for path in list(folder.glob(".step-*")):
        atomic.settle(folder / path.name[1:].split(".")[0])
    return sorted(folder.glob("step-*"))
