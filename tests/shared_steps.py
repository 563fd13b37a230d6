"""What every process of ``training/test_processes.py`` runs, and what one process runs alone. Not a test by itself.

accelerate launch --multi_gpu --num_processes 2 tests/shared_steps.py <cache> <folder to write into>
accelerate launch --use_fsdp --fsdp_version 2 --num_processes 2 tests/shared_steps.py <cache> <folder to write into>
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

sys.path.insert(0, str(Path(__file__).parent))

import tiny_runs
from headtohead.backbone import Backbone
from headtohead.classifiers.build_pack import load
from headtohead.config import Config
from headtohead.training import Hooks, Pack, Processes, fit, score
from tiny_runs import FrozenConfig, FullConfig, LoraConfig, TinyRun, config_of

FSDP = ["--use_fsdp", "--fsdp_version", "2", "--fsdp_auto_wrap_policy", "TRANSFORMER_BASED_WRAP"]
STEPS = 4
ALL_BUT_EMBEDDINGS = FullConfig(kind="full_but_embeddings", embeddings=False)
CASES: dict[str, list[Config]] = {
    # 48 rows in batches of 7 leave a last batch of 6, and 9 leave one of 3: shares are uneven
    "pack": [
        config_of(seed=0, batch_size=7, lora=LoraConfig(rank=4), loss_options={"class_weights": "balanced"}),
        config_of(seed=1, batch_size=9, lora=LoraConfig(rank=2), loss="focal"),
    ],
    "generative": [config_of(head="generative", batch_size=1, learning_rate=5e-4)],  # one process has no row at all
    "micro_batches": [config_of(batch_size=7, micro_batch_size=2)],
    "features": [  # of the second trial one process has no row
        config_of(seed=number, lora=FrozenConfig(), frozen_states="disk", batch_size=size)
        for number, size in enumerate((7, 1))
    ],
    "full": [config_of(architecture="bert", lora=FullConfig(), batch_size=5)],
}
SHARDED_CASES: dict[str, list[Config]] = {
    "micro_batches": [config_of(lora=FullConfig(), batch_size=5, micro_batch_size=2, score_batch_tokens=64)],
    "generative": [config_of(head="generative", lora=FullConfig(), batch_size=1)],
    "tied": [config_of(head="generative", lora=FullConfig(), batch_size=4)],
    "checkpointing": [config_of(lora=ALL_BUT_EMBEDDINGS, batch_size=6, gradient_checkpointing=True)],
    # The true gradient of a key's bias is zero; without a larger epsilon, rounding alone would move it
    "encoder": [config_of(architecture="bert", lora=FullConfig(), batch_size=5, epsilon=1e-4, clip_norm=0.1)],
    "bf16": [config_of(lora=FullConfig(), batch_size=7, precision="bf16")],
}


def launcher(*options: str) -> list[str]:
    """Return the command that starts a script in two processes of this machine."""
    fixed = ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    return [sys.executable, "-m", "accelerate.commands.launch", *options, "--num_processes", "2", *fixed]


def load_tied(*arguments: Any, **options: Any) -> Backbone:
    """Load a model whose output embeddings are its input embeddings."""
    backbone = load(*arguments, **options)
    backbone.model.lm_head.weight = backbone.model.get_input_embeddings().weight
    return backbone


class Killed(Exception):
    """Stands for the end of a process in the middle of training."""


def results(cache: Path, processes: Processes, cases: dict[str, list[Config]]) -> dict[str, Any]:
    """Return losses, gradient-made weights and scores of every case."""
    found: dict[str, Any] = {}
    for name, configs in cases.items():
        with patch.object(tiny_runs, "load", load_tied if name == "tied" else load):
            run = TinyRun(cache, configs, processes=processes)
        losses = []
        for _ in range(STEPS):
            losses.append(run.pack.step())
            run.pack.drop_gradients()
        counts = [trial.weights.count() for trial in run.pack.trials]
        scores = [table.tolist() for table in score(run.pack, run.rows)]
        found[name] = {"losses": losses, "weights": weights_of(run), "scores": scores, "counts": counts}
    return found


def weights_of(run: TinyRun) -> list[list[float]]:
    """Return every weight of every trial."""
    states = [trial.weights.state() for trial in run.pack.trials]
    return [tensor.flatten().tolist() for state in states for tensor in state.values()]


def trained(cache: Path, processes: Processes, checkpoints: Path, *, killed_at: int | None = None) -> dict[str, Any]:
    """Train to the end, evaluating at every other step, of which the second is the best; return what comes of it."""
    config = config_of(lora=FullConfig(), batch_size=6, steps=STEPS * 2, evaluate_every=0.25, checkpoint_seconds=0)
    run = TinyRun(cache, config, processes=processes)
    seen: list[list[float]] = []

    def evaluate(pack: Pack, due: Sequence[int]) -> dict[int, dict[str, float]]:
        seen.append(score(pack, run.rows)[0].flatten().tolist())
        return {0: {"metric": -abs(pack.trials[0].progress.step - STEPS)}}

    def advance(pack: Pack, losses: list[float]) -> None:
        if pack.trials[0].progress.step == killed_at:
            raise Killed

    hooks = Hooks(evaluate=evaluate, log=lambda *line: None, metric="metric", higher_is_better=True, advance=advance)
    fit(run.pack, hooks, checkpoints=[checkpoints])
    best = run.pack.trials[0].progress.best_step
    return {"best": best, "weights": weights_of(run), "scores": run.scores().flatten().tolist(), "last": seen[-1:]}


def trained_again(cache: Path, processes: Processes, checkpoints: Path) -> dict[str, Any]:
    """The same, killed on the way and continued."""
    try:
        trained(cache, processes, checkpoints, killed_at=STEPS + 1)
    except Killed:
        processes.wait()
    return trained(cache, processes, checkpoints)


def main() -> None:
    warnings.simplefilter("error")
    torch.set_num_threads(1)
    cache, folder = Path(sys.argv[1]), Path(sys.argv[2])
    processes = Processes.current()
    assert processes.count == 2, processes
    if os.environ.get("ACCELERATE_USE_FSDP") == "true":
        found = results(cache, processes, SHARDED_CASES)
        found["straight"] = trained(cache, processes, folder / "straight")
        found["killed"] = trained_again(cache, processes, folder / "killed")
    else:
        found = results(cache, processes, CASES)
    (folder / f"{processes.rank}.json").write_text(json.dumps(found))
    processes.wait()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
