"""Several processes on one step: each takes its share of the rows, gradients and losses are summed.

Losses are divided by the whole step's divisor before the sum, so the result is that of one process with the same
batch. Devices and communication are accelerate's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import gather_object, parse_flag_from_env, reduce

from headtohead.adapters import TrialWeights


@dataclass(frozen=True, slots=True)
class Processes:
    """Which of how many processes this is."""

    rank: int
    count: int
    device: torch.device

    @classmethod
    def current(cls) -> Processes:
        """Ask accelerate (``accelerate launch run.py`` or ``torchrun run.py`` starts several).

        accelerate takes several processes without accelerator for as many runs of their own unless it is told.
        """
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
            stack.grad.copy_(reduce(stack.grad, reduction="sum"))
        total = reduce(torch.tensor(losses, dtype=torch.float64, device=self.device), reduction="sum")
        summed: list[float] = total.tolist()
        return summed

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
