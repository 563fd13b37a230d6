"""Memory of a pack against a pack of one, each in a process of its own.

    python benchmarks/pack_memory.py [--model smollm2_135m] [--trials 16] [--steps 3]

Prints resident memory before the first step, what the trials' own tensors take (weights, gradients and the optimiser's moments,
counted), and the peak while training. What is left of the peak once the trials' own tensors and activations are taken away is what
trials share; the gate is that a pack's share is under 1.5 times the peak of a pack of one. Activations are the peak less
what is resident between steps and less the gradients, which are dropped there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

import psutil

from loaded import Loaded, composed
from report import finish


def measure(model: str, trials: int, steps: int) -> dict[str, float]:
    """Train a pack in this process; return bytes."""
    from headtohead.provenance import peak_memory_bytes, reset_peak_memory

    configs = [composed(f"model={model}", f"seed={seed}") for seed in range(trials)]
    loaded = Loaded(configs[0])
    pack = loaded.pack(configs, loaded.rows("train"))
    before = psutil.Process().memory_info().rss
    pack.step()  # from here on gradients' places and moments exist
    pack.drop_gradients()
    between = psutil.Process().memory_info().rss
    reset_peak_memory()
    for _ in range(steps):
        pack.step()
        pack.drop_gradients()
    gradients = 4.0 * sum(trial.weights.count() for trial in pack.trials)
    peak = float(peak_memory_bytes())
    activations = peak - between - gradients
    return {"before": before, "own": 4 * gradients, "between": between, "peak": peak, "activations": activations}


def main() -> None:
    """Measure both packs, and print a table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2_135m")
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        print(json.dumps(measure(options.model, options.trials, options.steps)))
        return
    found = {}
    for trials in (1, options.trials):
        command = [sys.executable, __file__, "--here", "--model", options.model, "--trials", str(trials)]
        done = subprocess.run([*command, "--steps", str(options.steps)], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr[-3000:])
        found[trials] = own = json.loads(done.stdout.splitlines()[-1])
        print(f"{trials} trials: " + ", ".join(f"{name} {value / 2**30:.2f} GB" for name, value in own.items()))
    one, many = found[1]["peak"], found[options.trials]
    shared = many["peak"] - many["own"] - many["activations"]
    print(
        f"peak {many['peak'] / one:.2f}x of a pack of one; without the trials' own {shared / one:.2f}x (gate: under 1.5)"
    )
    finish("pack_memory", options, shared / one < 1.5, found=found)


if __name__ == "__main__":
    main()
