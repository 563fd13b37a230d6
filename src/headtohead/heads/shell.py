"""A transformers task model whose trunk is replaced by outputs that were computed elsewhere.

Running the library's own head code on our hidden states makes a native readout exact by construction, for every
architecture, without a fork of any.
"""

from __future__ import annotations

import copy
from typing import Any

from torch import nn


class TrunkStandIn(nn.Module):
    """Stands where the trunk stood and returns the outputs it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.outputs: Any = None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Ignore the inputs; they were read already."""
        return self.outputs


def make_shell(model: Any, *, copy_head: bool) -> tuple[nn.Module, TrunkStandIn]:
    """Return ``model`` around a stand-in for its trunk; ``model`` itself is untouched.

    Args:
        copy_head: give the shell its own fp32 copy of everything outside the trunk, as each trial of a pack needs;
            otherwise it shares the model's modules, as output embeddings must be.
    """
    shell = copy.copy(model)
    shell.__dict__ = dict(model.__dict__)
    stand_in = TrunkStandIn()
    shell._modules = {
        name: stand_in if module is model.base_model else (copy.deepcopy(module).float() if copy_head else module)
        for name, module in model._modules.items()
    }
    return shell, stand_in
