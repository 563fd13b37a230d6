"""Stock optimisers over one trial's weights, and their state as plain tensors (no pickle)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from headtohead.adapters import TrialWeights
from headtohead.config import TrainConfig
from headtohead.errors import UserError


def build_optimizer(config: TrainConfig, weights: TrialWeights) -> torch.optim.Optimizer | None:
    """Return the optimiser of one trial; None where there is nothing to train.

    Biases, norms and other vectors are not decayed, as in transformers' Trainer.
    """
    if not weights.tensors:
        return None
    decayed = [parameter for parameter in weights.tensors.values() if parameter.dim() >= 2]
    plain = [parameter for parameter in weights.tensors.values() if parameter.dim() < 2]
    groups = [
        {"params": parameters, "weight_decay": decay}
        for parameters, decay in ((decayed, config.weight_decay), (plain, 0.0))
        if parameters
    ]
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


def optimizer_state(optimizer: torch.optim.Optimizer | None) -> dict[str, Tensor]:
    """Return the state as named tensors: ``<parameter index>/<key>``.

    Read from the optimiser itself: bitsandbytes hides its tensors in a dictionary of ``state_dict``.
    """
    if optimizer is None:
        return {}
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return {
        f"{index}/{key}": torch.as_tensor(value).detach().cpu().clone().contiguous()
        for index, parameter in enumerate(parameters)
        for key, value in optimizer.state.get(parameter, {}).items()
        if value is not None
    }


def load_optimizer_state(optimizer: torch.optim.Optimizer | None, stored: Mapping[str, Tensor]) -> None:
    """Put back what ``optimizer_state`` returned."""
    if optimizer is None:
        return
    state: dict[int, dict[str, Any]] = {}
    for name, tensor in stored.items():
        index, key = name.split("/", 1)
        is_count = tensor.dim() == 0 and not tensor.is_floating_point()  # bitsandbytes counts steps in an int
        state.setdefault(int(index), {})[key] = int(tensor) if is_count else tensor.clone()
    whole = optimizer.state_dict()
    optimizer.load_state_dict({"state": state, "param_groups": whole["param_groups"]})
