"""Which layers of a trunk get adapters."""

from __future__ import annotations

import re

from torch import nn

from headtohead.config import LoraConfig
from headtohead.errors import UserError, near_names

_LAYER = re.compile(r"(?:^|\.)(?:layers|layer|h|blocks)\.(\d+)\.")
_ATTENTION = re.compile(r"attn|attention", re.IGNORECASE)


def target_names(trunk: nn.Module, config: LoraConfig) -> list[str]:
    """Return the names of the linear layers of ``trunk`` that ``lora.targets`` and ``lora.top_layers`` name, in order.

    Raises:
        UserError: a target matches no linear layer.
    """
    linear = [name for name, module in trunk.named_modules() if is_linear(module)]
    chosen = set()
    for target in config.targets:
        matched = [name for name in linear if _matches(name, target)]
        if not matched:
            endings = {name.rsplit(".", 1)[-1] for name in linear}
            raise UserError(
                f"lora.targets: {target!r} matches no linear layer of this model"
                f"{near_names(target, {*endings, 'all-linear', 'attention'})}"
            )
        chosen.update(matched)
    return [name for name in linear if name in chosen and _is_on_top(name, linear, config.top_layers)]


def is_linear(module: nn.Module) -> bool:
    """Whether a module multiplies by a weight matrix, quantised or not."""
    return isinstance(module, nn.Linear)  # bitsandbytes' Linear4bit is one


def features(module: nn.Module) -> tuple[int, int]:
    """Return inputs and outputs of a linear layer; a quantised weight's own shape says neither."""
    assert isinstance(module, nn.Linear)
    return module.in_features, module.out_features


def _matches(name: str, target: str) -> bool:
    if target == "all-linear":
        return True
    if target == "attention":
        return any(_ATTENTION.search(part) for part in name.split("."))
    return name == target or name.endswith("." + target)


def _is_on_top(name: str, linear: list[str], share: float) -> bool:
    """Whether a layer stands in the top share; what stands outside the layers (a pooler) does."""
    depth = 1 + max((int(found.group(1)) for other in linear if (found := _LAYER.search(other))), default=0)
    own = _LAYER.search(name)
    return own is None or int(own.group(1)) >= depth - max(1, round(share * depth))
