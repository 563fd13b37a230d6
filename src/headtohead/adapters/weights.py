"""The trainable tensors of one trial: its own, its slice of a stack, or this process's shard of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor


class TrialWeights:
    """Names and tensors that one trial trains.

    A slice of a stacked parameter, or the shard that this process holds of a parameter split over several, is a
    parameter of its own that shares the storage of the whole: stock optimisers step it, and an update is seen by the
    whole. ``take_gradients`` hands each such part its part of the gradient.

    Where parameters are sharded, every process must take part in ``state`` and ``gather``.
    """

    def __init__(self) -> None:
        self.tensors: dict[str, nn.Parameter] = {}
        self._parts: dict[str, tuple[nn.Parameter, Callable[[Tensor], Tensor]]] = {}
        self._shards: dict[nn.Parameter, DTensor] = {}

    def add(self, name: str, parameter: nn.Parameter) -> None:
        """Register a parameter that belongs to this trial alone; of a sharded one, this process's shard."""
        if not isinstance(parameter, DTensor):
            self.tensors[name] = parameter
            return
        self._add_part(name, parameter, _shard_of)
        self._shards[self.tensors[name]] = parameter

    def add_slice(self, name: str, stack: nn.Parameter, trial: int, rank: int | None = None) -> None:
        """Register row ``trial`` of a stack, its first ``rank`` rows where ranks are padded."""
        where: tuple[int | slice, ...] = (trial,) if rank is None else (trial, slice(0, rank))
        self._add_part(name, stack, lambda whole: whole[where])

    def _add_part(self, name: str, whole: nn.Parameter, part_of: Callable[[Tensor], Tensor]) -> None:
        self.tensors[name] = nn.Parameter(part_of(whole.detach()))
        self._parts[name] = (whole, part_of)

    def take_gradients(self) -> None:
        """Point every part's gradient at its part of the whole's."""
        for name, (whole, part_of) in self._parts.items():
            self.tensors[name].grad = None if whole.grad is None else part_of(whole.grad)

    def drop_gradients(self) -> None:
        """Forget all gradients, the wholes' too."""
        for parameter in self.tensors.values():
            parameter.grad = None
        for whole, _ in self._parts.values():
            whole.grad = None

    def leaves(self) -> list[nn.Parameter]:
        """Return the parameters whose ``grad`` autograd fills: stacks, and what belongs to this trial alone.

        Sharded ones are not among them: their gradients are summed over the processes as the backward pass goes.
        """
        own = [parameter for name, parameter in self.tensors.items() if name not in self._parts]
        return [*own, *(whole for whole, _ in self._parts.values() if not isinstance(whole, DTensor))]

    def gradients(self, *, sharded: bool | None = None) -> list[Tensor]:
        """Return all gradients that exist, or only those of which every process holds a shard, or the whole."""
        return [
            parameter.grad
            for parameter in self.tensors.values()
            if parameter.grad is not None and sharded in (None, parameter in self._shards)
        ]

    @property
    def is_sharded(self) -> bool:
        """Whether processes hold different parts."""
        return bool(self._shards)

    def gather(self, parameter: nn.Parameter, tensor: Tensor) -> Tensor:
        """Return the whole of a tensor of which every process holds what belongs to its part of ``parameter``."""
        whole = self._shards.get(parameter)
        if whole is None or tensor.shape != parameter.shape:
            return tensor
        mesh, placements = whole.device_mesh, whole.placements
        sharded = DTensor.from_local(
            tensor, mesh, placements, run_check=False, shape=whole.shape, stride=whole.stride()
        )
        return sharded.full_tensor()

    def scatter(self, parameter: nn.Parameter, tensor: Tensor) -> Tensor:
        """Return this process's part of what ``gather`` returned."""
        whole = self._shards.get(parameter)
        if whole is None or tensor.shape != whole.shape:
            return tensor
        return _shard_of(distribute_tensor(tensor, whole.device_mesh, whole.placements, src_data_rank=None))

    def state(self) -> dict[str, Tensor]:
        """Return a copy of every whole tensor, on the CPU."""
        return {
            name: self.gather(parameter, parameter.detach()).cpu().clone().contiguous()
            for name, parameter in self.tensors.items()
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Copy whole tensors in; the names must be the same.

        Raises:
            KeyError: a name is missing or unknown.
        """
        if state.keys() != self.tensors.keys():
            raise KeyError(f"weights differ in name: {sorted(state.keys() ^ self.tensors.keys())[:6]}")
        with torch.no_grad():
            for name, parameter in self.tensors.items():
                parameter.copy_(self.scatter(parameter, state[name]))

    def count(self) -> int:
        """Return the number of trainable values, shards of other processes included."""
        return sum(self._shards.get(parameter, parameter).numel() for parameter in self.tensors.values())


def _shard_of(whole: Tensor) -> Tensor:
    """Return the shard that this process holds."""
    assert isinstance(whole, DTensor)
    shard: Tensor = whole.to_local()
    return shard
