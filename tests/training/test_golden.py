"""Losses of the first 20 steps of every cell, as they were. A change that moves them shows the difference and says why.

Compared exactly on the build of torch and the processor that wrote them, else to 1e-5 (others round otherwise).
``--update-golden`` rewrites them.
"""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from headtohead.config import TrainedConfig
from tiny_runs import FrozenConfig, FullConfig, LoraConfig, TinyRun, config_of

FOLDER = Path(__file__).parents[1] / "golden"
STEPS = 20
LORA: dict[str, TrainedConfig] = {
    "lora": LoraConfig(rank=4, dropout=0.1),
    "dora": LoraConfig(rank=4, dora=True),
    "full": FullConfig(),
    "frozen": FrozenConfig(),
}
CELLS = [
    (architecture, head, lora)
    for architecture in ("llama", "qwen3", "bert", "modernbert")
    for head in ("classification", "generative")
    for lora in LORA
    if not (head == "generative" and (lora == "frozen" or "bert" in architecture))
]


def build() -> dict[str, str]:
    """Return what the last bit of a sum depends on."""
    return {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "processor": processor(),
    }


def processor() -> str:
    """Return the processor's model: matrix products choose their kernels by it."""
    details = Path("/proc/cpuinfo")
    lines = details.read_text().splitlines() if details.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


@pytest.mark.parametrize(("architecture", "head", "lora"), CELLS, ids=map("-".join, CELLS))
def test_losses_are_what_they_were(cache: Path, update_golden: bool, architecture: str, head: str, lora: str):
    config = config_of(
        architecture=architecture, head=head, lora=LORA[lora], learning_rate=5e-4, schedule="cosine", steps=STEPS
    )
    pack = TinyRun(cache, config, sharpness=2.0).pack
    losses = []
    for _ in range(STEPS):
        losses += pack.step()
        pack.drop_gradients()
    assert np.isfinite(losses).all()
    file = FOLDER / f"{architecture}-{head}-{lora}.json"
    if update_golden:
        file.write_text(json.dumps({"build": build(), "losses": losses}, indent=1) + "\n", encoding="utf-8")
    stored: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if stored["build"] == build():
        assert losses == stored["losses"]
    else:
        np.testing.assert_allclose(losses, stored["losses"], atol=1e-5, err_msg=f"written by {stored['build']}")


def test_no_golden_file_is_left_over():
    assert {file.stem for file in FOLDER.glob("*.json")} == {"-".join(cell) for cell in CELLS}
