"""accelerate's internal API: which modules of a trunk FSDP2 shards as one.

Seen in accelerate 1.15; without it the import fails with the name that is gone.
"""

from __future__ import annotations

from collections.abc import Callable

from accelerate import FullyShardedDataParallelPlugin
from accelerate.utils.fsdp_utils import fsdp2_prepare_auto_wrap_policy
from torch import nn


def wrapped_as_one(plugin: FullyShardedDataParallelPlugin, trunk: nn.Module) -> Callable[[nn.Module], bool]:
    """Return whether a module is a unit of sharding, by the policy accelerate was configured with.

    Uses ``accelerate.utils.fsdp_utils.fsdp2_prepare_auto_wrap_policy``, which returns None where nothing is to be wrapped.

    Args:
        plugin: its ``set_auto_wrap_policy`` has been called with this trunk.
    """
    return fsdp2_prepare_auto_wrap_policy(plugin, trunk) or (lambda module: False)
