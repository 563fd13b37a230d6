"""Fully sharded training (FSDP2), as accelerate's own configuration asks for it.

Every process holds a shard of every weight of the trunk, of its gradient and of its optimiser state; whole weights
exist layer by layer, while they are used. The head stays whole on every process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from accelerate import FullyShardedDataParallelPlugin
from accelerate.utils import parse_flag_from_env
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, FSDPModule, MixedPrecisionPolicy, fully_shard

from headtohead.adapters import output_embeddings
from headtohead.config import Config, FullConfig
from headtohead.errors import UserError
from headtohead.internals.accelerate_internals import wrapped_as_one
from headtohead.training.processes import Processes


def sharding_asked(configs: Sequence[Config]) -> FullyShardedDataParallelPlugin | None:
    """Return what ``accelerate launch --use_fsdp`` (or its configuration file) asks for; None where it does not.

    Raises:
        UserError: what is trained cannot be sharded, or not in the way that is asked.
    """
    if not parse_flag_from_env("ACCELERATE_USE_FSDP"):
        return None
    if os.environ.get("FSDP_VERSION", "1") != "2":
        raise UserError("accelerate asks for FSDP 1, which is deprecated: set --fsdp_version 2 (fsdp_version: 2)")
    for config in configs:
        if len(configs) > 1 or not isinstance(config.lora, FullConfig):
            what = f"a pack of {len(configs)} trials" if len(configs) > 1 else f"lora={config.lora.kind}"
            raise UserError(
                f"accelerate asks for FSDP, which is for full fine-tuning of one model, not for {what}: "
                "set lora=full or full_but_embeddings, or launch with --multi_gpu instead of --use_fsdp"
            )
        if config.train.optimizer != "adamw":
            raise UserError(f"train.optimizer={config.train.optimizer} cannot be sharded by FSDP: set adamw")
    with _readable_errors():
        plugin = FullyShardedDataParallelPlugin()
    if plugin.activation_checkpointing:
        raise UserError("fsdp_activation_checkpointing=true: leave it false and set train.gradient_checkpointing=true")
    if isinstance(plugin.cpu_offload, CPUOffloadPolicy):
        raise UserError("fsdp_offload_params=true is not supported: leave it false, and take more processes instead")
    if plugin.ignored_modules:
        raise UserError(f"fsdp_ignored_modules={plugin.ignored_modules} is not supported: leave it out")
    return plugin


@contextmanager
def _readable_errors() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise UserError(f"accelerate's settings for FSDP: {error}") from error


def shard_trunk(
    model: nn.Module,
    trunk: Any,
    plugin: FullyShardedDataParallelPlugin,
    processes: Processes,
    autocast: torch.dtype | None,
) -> None:
    """Split every weight of the trunk over the processes, in place, by accelerate's wrapping policy.

    Output embeddings, and input embeddings tied to them, stay whole: a generative head reads them outside the trunk.

    Args:
        autocast: dtype of products where it is not the weights'; whole weights then exist in that dtype alone.
    """
    output = output_embeddings(model)
    options: dict[str, Any] = {
        "mesh": init_device_mesh(processes.device.type, (processes.count,)),
        "reshard_after_forward": plugin.reshard_after_forward,
        "ignored_params": set(output.parameters()) if output is not None else set(),
    }
    fully_shard(trunk.get_input_embeddings(), **options)  # in fp32: what it returns runs through every layer
    if autocast is not None:
        options["mp_policy"] = MixedPrecisionPolicy(
            param_dtype=autocast, reduce_dtype=torch.float32, cast_forward_inputs=False
        )
    with _readable_errors():
        plugin.set_auto_wrap_policy(trunk)
    is_unit = wrapped_as_one(plugin, trunk)
    for module in reversed(list(trunk.modules())):  # inner ones first
        if module is trunk or (is_unit(module) and not isinstance(module, FSDPModule)):
            fully_shard(module, **options)
    for unit in _units(trunk):
        unit.set_gradient_divide_factor(1.0)  # losses are divided already: gradients are summed, not averaged
        unit.set_force_sum_reduction_for_comms(True)  # not every backend can scale while it sums
    trunk.register_forward_hook(_forget_whole_weights)


def _forget_whole_weights(trunk: nn.Module, inputs: Any, outputs: Any) -> None:
    """Free after scoring what ``reshard_after_forward=false`` keeps for a backward pass: it may be out of date by then."""
    if not torch.is_grad_enabled():
        for unit in _units(trunk):
            unit.reshard()


def _units(trunk: nn.Module) -> list[FSDPModule]:
    return [module for module in trunk.modules() if isinstance(module, FSDPModule)]
