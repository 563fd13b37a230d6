"""What every process of ``training/test_processes.py`` runs, and what one process runs alone. Not a test by itself.

accelerate launch --multi_gpu --num_processes 2 tests/shared_steps.py <cache> <file to write>
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))

from headtohead.config import Config
from headtohead.training import Processes
from tiny_runs import FullConfig, LoraConfig, TinyRun, config_of

STEPS = 4
CASES: dict[str, list[Config]] = {
    # 48 rows in batches of 7 leave a last batch of 6, and 9 leave one of 3: shares are uneven
    "pack": [
        config_of(seed=0, batch_size=7, lora=LoraConfig(rank=4), loss_options={"class_weights": "balanced"}),
        config_of(seed=1, batch_size=9, lora=LoraConfig(rank=2), loss="focal"),
    ],
    "generative": [config_of(head="generative", batch_size=1, learning_rate=5e-4)],  # one process has no row at all
    "micro_batches": [config_of(batch_size=7, micro_batch_size=2)],
    "full": [config_of(architecture="bert", lora=FullConfig(), batch_size=5)],
}


def results(cache: Path, processes: Processes) -> dict[str, Any]:
    """Return losses, gradient-made weights and scores of every case."""
    found: dict[str, Any] = {}
    for name, configs in CASES.items():
        run = TinyRun(cache, configs, processes=processes)
        losses = []
        for _ in range(STEPS):
            losses.append(run.pack.step())
            run.pack.drop_gradients()
        sums = [[float(t.double().abs().sum()) for t in trial.weights.state().values()] for trial in run.pack.trials]
        scores = [table.tolist() for table in run.pack.score(run.rows)]
        found[name] = {"losses": losses, "weights": sums, "scores": scores}
    return found


def main() -> None:
    warnings.simplefilter("error")
    torch.set_num_threads(1)
    cache, target = Path(sys.argv[1]), Path(sys.argv[2])
    processes = Processes.current()
    assert processes.count == 2, processes
    found = results(cache, processes)
    with target.with_suffix(f".{processes.rank}.json").open("w") as file:
        json.dump(found, file)
    processes.wait()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
