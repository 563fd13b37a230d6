"""The trainable tensors of one trial, whether they are its own or its slice of a stack."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class TrialWeights:
    """Names and tensors that one trial trains.

    A slice of a stacked parameter is a parameter of its own that shares the stack's storage: stock optimisers step it,
    and an update is seen by the stack. ``take_gradients`` hands each slice its part of the stack's gradient.
    """

    def __init__(self) -> None:
        self.tensors: dict[str, nn.Parameter] = {}
        self._stacks: dict[str, tuple[nn.Parameter, tuple[int | slice, ...]]] = {}

    def add(self, name: str, parameter: nn.Parameter) -> None:
        """Register a parameter that belongs to this trial alone."""
        self.tensors[name] = parameter

    def add_slice(self, name: str, stack: nn.Parameter, trial: int, rank: int | None = None) -> None:
        """Register row ``trial`` of a stack, its first ``rank`` rows where ranks are padded."""
        where: tuple[int | slice, ...] = (trial,) if rank is None else (trial, slice(0, rank))
        self.tensors[name] = nn.Parameter(stack.data[where])
        self._stacks[name] = (stack, where)

    def take_gradients(self) -> None:
        """Point every slice's gradient at its part of the stack's."""
        for name, (stack, where) in self._stacks.items():
            self.tensors[name].grad = None if stack.grad is None else stack.grad[where]

    def drop_gradients(self) -> None:
        """Forget all gradients, the stacks' too."""
        for parameter in self.tensors.values():
            parameter.grad = None
        for stack, _ in self._stacks.values():
            stack.grad = None

    def leaves(self) -> list[nn.Parameter]:
        """Return the parameters whose ``grad`` autograd fills: stacks, and what belongs to this trial alone."""
        own = [parameter for name, parameter in self.tensors.items() if name not in self._stacks]
        return [*own, *(stack for stack, _ in self._stacks.values())]

    def gradients(self) -> list[Tensor]:
        """Return all gradients that exist."""
        return [parameter.grad for parameter in self.tensors.values() if parameter.grad is not None]

    def state(self) -> dict[str, Tensor]:
        """Return a copy of every tensor, on the CPU."""
        return {name: parameter.detach().cpu().clone().contiguous() for name, parameter in self.tensors.items()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Copy tensors in; the names must be the same.

        Raises:
            KeyError: a name is missing or unknown.
        """
        if state.keys() != self.tensors.keys():
            raise KeyError(f"weights differ in name: {sorted(state.keys() ^ self.tensors.keys())[:6]}")
        with torch.no_grad():
            for name, parameter in self.tensors.items():
                parameter.copy_(state[name])

    def count(self) -> int:
        """Return the number of trainable values."""
        return sum(parameter.numel() for parameter in self.tensors.values())
