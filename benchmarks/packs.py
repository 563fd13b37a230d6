"""Trials in a pack against the same trials one after another, in one process over one loaded model.

    python benchmarks/packs.py [--model minilm_l6] [--trials 8] [--blocks 5]
    python benchmarks/packs.py --lora r16_top_half --top-layers 0.25 --frozen-states memory --steps 30

Both sides are ours and take the same steps on the same rows; ranks, learning rates, losses and seeds differ between
trials. Sides take turns, block by block. With ``--frozen-states`` the pack also keeps what the layers below the lowest
trained one answer, anew in every block. The gate, in fp32: the losses of the first step agree to 1e-5, and those of later
steps, when adapters have moved, to 1e-4.
"""

from __future__ import annotations

import argparse
import resource
import time
from typing import Any

import numpy as np

from loaded import Loaded, composed
from report import finish, spread

RANKS, RATES, LOSSES = (4, 8, 16, 32), (2e-4, 5e-4), ("cross_entropy", "focal")


class Sides:
    """The trials, to be trained either way.

    Args:
        options: of the command line.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.configs = [compose_config(options, number) for number in range(options.trials)]
        self.steps, self.frozen_states = options.steps, options.frozen_states
        self.loaded = Loaded(self.configs[0])
        self.rows = self.loaded.rows("train")

    def train(self, numbers: list[int]) -> tuple[float, int, np.ndarray]:
        """Train some trials as one pack; return seconds, tokens, and losses (steps x trials)."""
        configs = [self.configs[number] for number in numbers]
        for config in configs:
            config.train.frozen_states = self.frozen_states if len(configs) > 1 else "recompute"
        pack = self.loaded.pack(configs, self.rows)
        losses, started = [], time.perf_counter()
        for _ in range(self.steps):
            losses.append(pack.step())
            pack.drop_gradients()
        seconds = time.perf_counter() - started
        return seconds, sum(trial.progress.tokens for trial in pack.trials), np.asarray(losses)

    def apart(self) -> tuple[float, int, np.ndarray]:
        """Train every trial by itself, one after another."""
        parts = [self.train([number]) for number in range(len(self.configs))]
        return sum(part[0] for part in parts), sum(part[1] for part in parts), np.hstack([part[2] for part in parts])

    def together(self) -> tuple[float, int, np.ndarray]:
        """Train all as a pack."""
        return self.train(list(range(len(self.configs))))


def compose_config(options: argparse.Namespace, number: int) -> Any:
    """Return a trial's configuration."""
    return composed(
        f"model={options.model}",
        f"model.precision={options.precision}",
        "data=reuters_r8",
        f"data.subset={{train:{options.rows},validation:50,test:50}}",
        f"prompt.max_tokens={options.max_tokens}",
        "prompt=plain",
        f"lora={options.lora}",
        f"lora.top_layers={options.top_layers}",
        f"lora.rank={RANKS[number % len(RANKS)]}",
        f"loss={LOSSES[number % len(LOSSES)]}",
        f"train.learning_rate={RATES[number // len(RANKS) % len(RATES)]}",
        f"train.steps={options.steps}",
        f"seed={number}",
    )


def main() -> None:
    """Measure, and print the table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="minilm_l6")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"), help="the gate is of fp32")
    parser.add_argument("--lora", default="r16")
    parser.add_argument("--top-layers", type=float, default=1.0)
    parser.add_argument("--frozen-states", default="recompute", choices=("recompute", "memory"))
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--steps", type=int, default=6, help="30 are an epoch")
    parser.add_argument("--rows", type=int, default=240)
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--blocks", type=int, default=5)
    options = parser.parse_args()
    sides = Sides(options)
    sides.steps = 1
    sides.apart(), sides.together()  # warm up
    sides.steps = options.steps
    ratios, gaps, firsts = [], [], []
    for block in range(options.blocks):
        seconds, tokens, losses = sides.apart()
        seconds_together, tokens_together, losses_together = sides.together()
        assert tokens == tokens_together
        ratios.append(seconds / seconds_together)
        firsts.append(float(np.abs(losses[0] - losses_together[0]).max()))
        gaps.append(float(np.abs(losses - losses_together).max()))
        print(
            f"block {block}: {tokens / seconds:.0f} tokens/s apart, {tokens / seconds_together:.0f} together, "
            f"{ratios[-1]:.2f}x",
            flush=True,
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"together {spread(ratios)} as fast, peak {peak:.2f} GB")
    print(f"gate: losses differ by at most {max(firsts):.1e} in the first step, {max(gaps):.1e} in any")
    is_right = max(firsts) <= 1e-5 and max(gaps) <= 1e-4
    finish("packs", options, is_right if options.precision == "fp32" else None, ratios=ratios, first=firsts, any=gaps)


if __name__ == "__main__":
    main()
