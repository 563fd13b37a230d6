"""Stock optimisers over one trial's weights, and their state as plain tensors, kept as safetensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from headtohead.adapters import TrialWeights
from headtohead.config import TrainConfig
from headtohead.errors import UserError
from headtohead.training.processes import Processes

PartOf = Callable[[nn.Parameter, Tensor], Tensor]
"""Given a parameter and a tensor shaped as it."""

SURELY_WITHIN = 1 - 1e-5
"""A norm below so much of its limit stays there whichever way single precision rounds their ratio."""


def _as_it_is(parameter: nn.Parameter, tensor: Tensor) -> Tensor:
    return tensor


def build_optimizer(config: TrainConfig, weights: TrialWeights) -> torch.optim.Optimizer | None:
    """Return the optimiser of one trial; None where there is nothing to train.

    Biases, norms and other vectors are not decayed, as in transformers' Trainer; where nothing is, all are one group, which
    takes one call where two take two. Either way they come in the same order, by which their state is stored.
    """
    if not weights.tensors:
        return None
    decayed = [parameter for parameter in weights.tensors.values() if parameter.dim() >= 2]
    plain = [parameter for parameter in weights.tensors.values() if parameter.dim() < 2]
    split = [(decayed, config.weight_decay), (plain, 0.0)] if config.weight_decay else [(decayed + plain, 0.0)]
    groups = [{"params": parameters, "weight_decay": decay} for parameters, decay in split if parameters]
    options: dict[str, Any] = {"lr": config.learning_rate, "betas": (config.beta1, config.beta2), "eps": config.epsilon}
    if config.optimizer == "adamw_8bit":
        return _adamw_8bit(groups, options)
    return torch.optim.AdamW(groups, fused=True, **options)


def _adamw_8bit(groups: list[dict[str, Any]], options: dict[str, Any]) -> torch.optim.Optimizer:
    from bitsandbytes.optim import AdamW8bit

    try:
        optimizer: torch.optim.Optimizer = AdamW8bit(groups, **options)
    except (RuntimeError, NotImplementedError) as error:
        raise UserError(f"train.optimizer=adamw_8bit cannot run on this device ({error}); set adamw") from error
    return optimizer


def set_learning_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    """Set the learning rate of every group."""
    for group in optimizer.param_groups:
        group["lr"] = value


def clip_gradients(weights: TrialWeights, limit: float, processes: Processes) -> float:
    """Scale a trial's gradients down to a norm of ``limit``; return their norm over all parts on all processes."""
    norm = get_total_norm(weights.gradients(sharded=False), foreach=True)
    if weights.is_sharded:
        shards = get_total_norm(weights.gradients(sharded=True), foreach=True)
        norm = (norm**2 + processes.sum(shards**2)).sqrt()
    found = float(norm)
    if not found < limit * SURELY_WITHIN:  # else the factor is 1, and a pass over all gradients changes nothing
        clip_grads_with_norm_(weights.tensors.values(), limit, norm, foreach=True)
    return found


def optimizer_state(optimizer: torch.optim.Optimizer | None, gather: PartOf = _as_it_is) -> dict[str, Tensor]:
    """Return the state as named tensors: ``<parameter index>/<key>``.

    Read from the optimiser itself: bitsandbytes hides its tensors in a dictionary of ``state_dict``.

    Args:
        gather: makes whole what belongs to a shard of a parameter.
    """
    if optimizer is None:
        return {}
    return {
        f"{index}/{key}": gather(parameter, torch.as_tensor(value).detach()).cpu().clone().contiguous()
        for index, parameter in enumerate(_parameters(optimizer))
        for key, value in optimizer.state.get(parameter, {}).items()
        if value is not None
    }


def load_optimizer_state(
    optimizer: torch.optim.Optimizer | None, stored: Mapping[str, Tensor], scatter: PartOf = _as_it_is
) -> None:
    """Put back what ``optimizer_state`` returned; ``scatter`` undoes its ``gather``."""
    if optimizer is None:
        return
    parameters = _parameters(optimizer)
    state: dict[int, dict[str, Any]] = {}
    for name, tensor in stored.items():
        index, key = name.split("/", 1)
        is_count = tensor.dim() == 0 and not tensor.is_floating_point()  # bitsandbytes counts steps in an int
        own = scatter(parameters[int(index)], tensor)
        state.setdefault(int(index), {})[key] = int(tensor) if is_count else own.clone()
    whole = optimizer.state_dict()
    optimizer.load_state_dict({"state": state, "param_groups": whole["param_groups"]})


def _parameters(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
