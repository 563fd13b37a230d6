"""Preparing a trunk for what is trained: adapters of several trials, every weight of one, or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from headtohead.adapters.dora import DoraLinear
from headtohead.adapters.stacked import Siblings, StackedEmbedding, StackedLinear
from headtohead.adapters.state import PackState
from headtohead.adapters.targets import features, target_names
from headtohead.adapters.weights import TrialWeights
from headtohead.config import FrozenConfig, FullConfig, LoraConfig, TrainedConfig
from headtohead.errors import UserError

AdapterLayer = StackedLinear | StackedEmbedding | DoraLinear
ONE_INPUT = (
    ("q_proj", "k_proj", "v_proj"),
    ("query", "key", "value"),
    ("q_lin", "k_lin", "v_lin"),
    ("gate_proj", "up_proj"),
)
"""Layers of one parent that read the same input, in the order in which it asks them, as transformers names them."""


def prepare(
    model: nn.Module, trunk: nn.Module, configs: Sequence[TrainedConfig], seeds: Sequence[int]
) -> tuple[PackState, list[TrialWeights]]:
    """Freeze, unfreeze or adapt ``trunk`` in place for a pack of trials.

    Args:
        model: the task model around the trunk; a generative readout's output embeddings belong to it.

    Returns:
        The state that the forward pass must set, and the trunk's trainable tensors of each trial.

    Raises:
        UserError: trials that cannot share this trunk, or targets that match nothing.
    """
    state = PackState(trials=len(configs))
    weights = [TrialWeights() for _ in configs]
    model.requires_grad_(False)
    first = configs[0]
    if len(configs) > 1 and not all(isinstance(config, LoraConfig) and not config.dora for config in configs):
        frozen = all(isinstance(config, FrozenConfig) for config in configs)
        if not frozen:
            raise UserError(
                "trials share a trunk only if all of them train LoRA adapters (without DoRA) or the head alone"
            )
    match first:
        case FullConfig():
            _unfreeze(model, trunk, first, weights[0])
        case LoraConfig():
            _adapt(trunk, [config for config in configs if isinstance(config, LoraConfig)], seeds, state, weights)
        case FrozenConfig():
            pass
        case _:
            raise AssertionError(first)
    return state, weights


def recompute_activations(trunk: Any) -> None:
    """Keep no activations inside the trunk's layers; the backward pass computes them again (gradient checkpointing)."""
    options = {"use_reentrant": False}
    if hasattr(trunk, "activation_checkpointing_enable"):  # its name in later releases of transformers 5
        trunk.activation_checkpointing_enable(options)
    else:
        trunk.gradient_checkpointing_enable(options)


def _unfreeze(model: nn.Module, trunk: nn.Module, config: FullConfig, weights: TrialWeights) -> None:
    """Train every weight of the trunk, and the output embeddings of a model that writes text."""
    embedding = trunk.get_input_embeddings().weight  # type: ignore[operator]  # a PreTrainedModel
    for name, parameter in trunk.named_parameters():
        if parameter is embedding and not config.embeddings:
            continue
        parameter.requires_grad_(True)
        weights.add(f"trunk.{name}", parameter)
    output = output_embeddings(model)
    if output is not None and output.weight is not embedding:
        assert isinstance(output.weight, nn.Parameter)
        output.weight.requires_grad_(True)
        weights.add("output_embeddings.weight", output.weight)


def output_embeddings(model: Any) -> nn.Linear | None:
    """Return the layer from hidden states to vocabulary of a model that has one."""
    getter = getattr(model, "get_output_embeddings", None)
    found = getter() if getter else None
    return found if isinstance(found, nn.Linear) else None


def _adapt(
    trunk: nn.Module,
    configs: list[LoraConfig],
    seeds: Sequence[int],
    state: PackState,
    weights: list[TrialWeights],
) -> None:
    first = configs[0]
    if any((own.top_layers, own.embeddings) != (first.top_layers, first.embeddings) for own in configs):
        raise UserError("trials share a trunk only if lora.top_layers and lora.embeddings agree")
    adapted = [set(target_names(trunk, config)) for config in configs]
    names = [name for name, _ in trunk.named_modules() if any(name in own for own in adapted)]
    siblings = siblings_of(names)
    for name in names:
        is_target = [name in own for own in adapted]
        layer = _linear_layer(trunk.get_submodule(name), name, configs, is_target, state, siblings[name])
        _replace(trunk, name, layer)
    if first.embeddings:
        name = next(name for name, module in trunk.named_modules() if module is trunk.get_input_embeddings())  # type: ignore[operator]
        _replace(trunk, name, _embedding_layer(trunk.get_submodule(name), name, configs, state))
    _initialise(trunk, seeds, weights)


def _initialise(trunk: nn.Module, seeds: Sequence[int], weights: list[TrialWeights]) -> None:
    """Draw the adapters of each trial, and hand it its slices of them."""
    for name, layer in adapter_layers(trunk).items():
        for trial, (seed, own) in enumerate(zip(seeds, weights, strict=True)):
            if not layer.ranks[trial]:  # it adapts other layers
                continue
            layer.initialise(trial, seed)
            own.add_slice(f"trunk.{name}.lora_a", layer.lora_a, trial, layer.ranks[trial])
            own.add_slice(f"trunk.{name}.lora_b", layer.lora_b, trial, layer.ranks[trial])
            if isinstance(layer, DoraLinear):
                own.add_slice(f"trunk.{name}.magnitude", layer.magnitude, trial)


def siblings_of(names: Sequence[str]) -> dict[str, Siblings]:
    """Return with whom each layer reads its input: those of one parent that are known to, else nobody."""
    found: dict[tuple[str, int], Siblings] = {}
    groups = {name: number for number, group in enumerate(ONE_INPUT) for name in group}
    by_name = {}
    for name in names:
        parent, _, own = name.rpartition(".")
        by_name[name] = found.setdefault((parent, groups[own]) if own in groups else (name, -1), Siblings())
    return by_name


def _linear_layer(
    base: nn.Module,
    name: str,
    configs: list[LoraConfig],
    is_target: list[bool],
    state: PackState,
    siblings: Siblings,
) -> StackedLinear | DoraLinear:
    """Adapt a layer; a trial whose target it is not has rank 0 there."""
    device = next(base.parameters()).device
    if configs[0].dora:
        return DoraLinear(base, name, rank=configs[0].rank, scale=configs[0].scale, device=device)
    return StackedLinear(
        base,
        name,
        features=features(base),
        ranks=[config.rank * own for config, own in zip(configs, is_target, strict=True)],
        scales=[config.scale for config in configs],
        dropouts=[config.dropout * own for config, own in zip(configs, is_target, strict=True)],
        state=state,
        device=device,
        siblings=siblings,
    )


def _embedding_layer(base: nn.Module, name: str, configs: list[LoraConfig], state: PackState) -> StackedEmbedding:
    assert isinstance(base, nn.Embedding)
    return StackedEmbedding(
        base,
        name,
        ranks=[config.rank for config in configs],
        scales=[config.scale for config in configs],
        state=state,
        device=base.weight.device,
    )


def _replace(trunk: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(trunk.get_submodule(parent), child, layer)


def adapter_layers(trunk: nn.Module) -> dict[str, AdapterLayer]:
    """Return the adapter layers of a trunk by the name of the layer each adapts."""
    kinds = (StackedLinear, StackedEmbedding, DoraLinear)
    return {name: module for name, module in trunk.named_modules() if isinstance(module, kinds)}


def forget_outputs(trunk: nn.Module) -> None:
    """Drop what adapted layers have computed and not handed out, after a forward pass that was cut off."""
    for layer in adapter_layers(trunk).values():
        if isinstance(layer, StackedLinear):
            layer.siblings.forget()


def remove_adapters(trunk: nn.Module) -> None:
    """Put the frozen layers back where they stood."""
    for name, layer in adapter_layers(trunk).items():
        _replace(trunk, name, layer.base)
        if isinstance(layer, StackedLinear):
            layer.siblings.part()


def expected_count(trunk: nn.Module, model: nn.Module, config: TrainedConfig) -> int:
    """Return how many values of the trunk a trial should train, by the closed form, before any layer is replaced.

    LoRA: rank times (inputs plus outputs) per target, DoRA one more per output; full: all, or all but the embeddings.
    """
    match config:
        case FrozenConfig():
            return 0
        case FullConfig():
            embedding = trunk.get_input_embeddings().weight  # type: ignore[operator]
            output = output_embeddings(model)
            untied = output.weight.numel() if output is not None and output.weight is not embedding else 0
            total = sum(parameter.numel() for parameter in trunk.parameters()) + untied
            return total if config.embeddings else total - embedding.numel()
        case LoraConfig():
            shapes = [features(trunk.get_submodule(name)) for name in target_names(trunk, config)]
            total = sum(config.rank * sum(shape) + (shape[1] if config.dora else 0) for shape in shapes)
            if config.embeddings:
                total += config.rank * sum(trunk.get_input_embeddings().weight.shape)  # type: ignore[operator]
            return total
        case _:
            raise AssertionError(config)
