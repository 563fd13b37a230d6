"""A pack of one against PEFT's LoRA layers: forward and backward of one trunk on the same rows.

    python benchmarks/peft_layer.py [--model minilm_l6] [--precision fp32] [--rank 16] [--blocks 5]

The trunk, its padded rows and everything else are the same; only the adapted layers differ. PEFT's factors stay in fp32, as
ours do. Sides take turns, step by step. The gate, in fp32: with the same factors both answer the same hidden states to 1e-5.
"""

from __future__ import annotations

import argparse
import copy
import time
from typing import Any

import torch
from torch import Tensor, nn

from loaded import Loaded, composed
from report import finish, spread


def adapted_by_us(trunk: nn.Module, config: Any) -> nn.Module:
    """Put our layers in place."""
    from headtohead.adapters import prepare

    state, _ = prepare(trunk, trunk, [config.lora], [0])
    state.keys = ["benchmark"]
    return trunk


def adapted_by_peft(trunk: nn.Module, config: Any) -> nn.Module:
    """Put PEFT's layers in place."""
    from peft import LoraConfig, get_peft_model

    from headtohead.adapters.targets import target_names

    names = target_names(trunk, config.lora)
    lora = LoraConfig(r=config.lora.rank, lora_alpha=2 * config.lora.rank, lora_dropout=0.0, target_modules=names)
    return get_peft_model(trunk, lora, autocast_adapter_dtype=True)


def copy_factors(ours: nn.Module, theirs: nn.Module) -> None:
    """Give both sides the same factors, with a B that is not zero."""
    from headtohead.adapters import adapter_layers

    found = {name.removeprefix("base_model.model."): layer for name, layer in theirs.named_modules()}
    for name, layer in adapter_layers(ours).items():
        other: Any = found[name]
        layer.lora_b.data.normal_(std=0.02)
        other.lora_A["default"].weight.data.copy_(layer.lora_a.data[0])
        other.lora_B["default"].weight.data.copy_(layer.lora_b.data[0].T)


def step(model: nn.Module, inputs: dict[str, Tensor]) -> tuple[float, Tensor]:
    """Return the seconds of a forward and backward pass, and the hidden states."""
    model.zero_grad(set_to_none=True)
    started = time.perf_counter()
    hidden: Tensor = model(**inputs, return_dict=True).last_hidden_state
    hidden.float().square().mean().backward()
    return time.perf_counter() - started, hidden.detach()


def main() -> None:
    """Measure, and print the ratio and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="minilm_l6")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"), help="the gate is of fp32")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--length", type=int, default=64)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--blocks", type=int, default=5)
    options = parser.parse_args()
    config = composed(
        f"model={options.model}",
        f"model.precision={options.precision}",
        "data=reuters_r8",
        "lora=r16",
        f"lora.rank={options.rank}",
    )
    trunk = Loaded(config).backbone.trunk.train()
    ours, theirs = adapted_by_us(copy.deepcopy(trunk), config), adapted_by_peft(trunk, config)
    copy_factors(ours, theirs)
    torch.manual_seed(0)
    ids = torch.randint(1000, 2000, (options.rows, options.length))
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    gap = float((step(ours, inputs)[1] - step(theirs, inputs)[1]).abs().max())
    ratios = []
    for block in range(options.blocks):
        seconds = [(step(ours, inputs)[0], step(theirs, inputs)[0]) for _ in range(options.steps)]
        ratios.append(sum(theirs for _, theirs in seconds) / sum(own for own, _ in seconds))
        print(f"block {block}: {ratios[-1]:.2f}x", flush=True)
    print(f"ours is {spread(ratios)} as fast as PEFT's layers")
    print(f"gate: hidden states differ by at most {gap:.1e}")
    finish("peft_layer", options, gap <= 1e-5 if options.precision == "fp32" else None, ratios=ratios, gap=gap)


if __name__ == "__main__":
    main()
