"""Several processes on one step: each takes its share of the rows, gradients and losses are summed.

Losses are divided by the whole step's divisor before the sum, so the result is that of one process with the same
batch, dropout aside: every process draws its own masks. Devices and communication are accelerate's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import disable_fsdp_ram_efficient_loading, gather_object, parse_flag_from_env, reduce
from torch import Tensor

from headtohead.adapters import TrialWeights

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Processes:
    """Which of how many processes this is."""

    rank: int
    count: int
    device: torch.device

    @classmethod
    def current(cls) -> Processes:
        """Ask accelerate (``accelerate launch --multi_gpu run.py`` or ``torchrun run.py`` starts several, on CPUs too).

        accelerate takes several processes without accelerator for as many runs of their own unless it is told.
        """
        disable_fsdp_ram_efficient_loading()  # it leaves all but the main process without weights; each loads its own
        state = PartialState(cpu=parse_flag_from_env("ACCELERATE_USE_CPU") or not torch.accelerator.is_available())
        return cls(state.process_index, state.num_processes, state.device)

    @property
    def is_main(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    def sum_gradients(self, weights: list[TrialWeights], losses: list[float]) -> list[float]:
        """Sum every trial's gradients in place, and return the summed losses."""
        if self.count == 1:
            return losses
        for stack in {id(p): p for own in weights for p in own.leaves()}.values():
            if stack.grad is None:
                stack.grad = torch.zeros_like(stack)
            stack.grad.copy_(self.sum(stack.grad))
        summed: list[float] = self.sum(torch.tensor(losses, dtype=torch.float64, device=self.device)).tolist()
        return summed

    def sum(self, tensor: Tensor) -> Tensor:
        """Return the sum of every process's tensor."""
        total: Tensor = reduce(tensor, reduction="sum")
        return total

    def own_turns(self, items: Sequence[T]) -> list[T]:
        """Deal items out to the processes, as many to each: some are dealt twice where they do not come out even.

        Where weights are sharded, a process that reads nothing would leave the others waiting for its part of them.
        """
        turns = math.ceil(len(items) / self.count)
        return [items[(turn * self.count + self.rank) % len(items)] for turn in range(turns)]

    def main_decides(self, answer: bool) -> bool:
        """Return the main process's answer to a question that clocks may answer differently."""
        if self.count == 1:
            return answer
        return bool(self.sum(torch.tensor(float(answer and self.is_main), device=self.device)))

    def merge(self, part: dict[int, Any]) -> dict[int, Any]:
        """Return the union of every process's entries."""
        if self.count == 1:
            return part
        merged: dict[int, Any] = {}
        for other in gather_object([part]):
            merged.update(other)
        return merged

    def wait(self) -> None:
        """Wait until every process has got here."""
        PartialState().wait_for_everyone()
