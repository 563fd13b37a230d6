"""A transformers task model whose trunk is replaced by outputs that were computed elsewhere.

Running the library's own head code on our hidden states makes a native readout exact by construction, for every
architecture, without a fork of any.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


class TrunkStandIn(nn.Module):
    """Stands where the trunk stood and returns the outputs it was given.

    A trunk's pooler (BERT) belongs to the readout: it is trained with the head, and many checkpoints lack its weights.
    """

    def __init__(self, pooler: nn.Module | None = None) -> None:
        super().__init__()
        self.outputs: Any = None
        if pooler is not None:
            self.pooler = pooler

    @contextmanager
    def answering(self, outputs: Any) -> Iterator[None]:
        """Hold outputs no longer than the context: they keep a graph alive, also where memory has run out."""
        self.outputs = outputs
        try:
            yield
        finally:
            self.outputs = None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Ignore the inputs; they were read already."""
        if "pooler" not in self._modules:
            return self.outputs
        return type(self.outputs)(**{**self.outputs, "pooler_output": self.pooler(self.outputs.last_hidden_state)})


def drop_pooler(trunk: nn.Module) -> nn.Module | None:
    """Take the pooler off a trunk whose heads have copied it (or pool otherwise): adapters and counts pass it by.

    Returns:
        What was taken off.
    """
    pooler = _pooler(trunk)
    if pooler is not None:
        trunk.pooler = None  # type: ignore[assignment]
    return pooler


def _pooler(trunk: nn.Module) -> nn.Module | None:
    """Return a pooler that reads whole hidden states; a bare linear layer (ALBERT) is only part of one and stays."""
    pooler = getattr(trunk, "pooler", None)
    return None if isinstance(pooler, nn.Linear) else pooler


def make_shell(model: Any, *, copy_head: bool) -> tuple[nn.Module, TrunkStandIn]:
    """Return ``model`` around a stand-in for its trunk; ``model`` itself is untouched.

    Args:
        copy_head: give the shell its own fp32 copy of everything outside the trunk, as each trial of a pack needs;
            otherwise it shares the model's modules, as output embeddings must be.
    """
    shell = copy.copy(model)
    shell.__dict__ = dict(model.__dict__)
    pooler = _pooler(model.base_model) if copy_head else None
    stand_in = TrunkStandIn(copy.deepcopy(pooler).float() if pooler is not None else None)
    shell._modules = {
        name: stand_in if module is model.base_model else (copy.deepcopy(module).float() if copy_head else module)
        for name, module in model._modules.items()
    }
    return shell, stand_in
