"""Slices of stacks: those of the trials whose rows are read."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from headtohead.adapters.state import PackState


@pytest.mark.parametrize("turns", [[[0], [1], [2], [3]], [[0, 1], [2, 3]], [[1, 2], [1, 2]], [[0, 2], [1, 3]], [[2]]])
def test_trials_in_turn_add_to_the_gradient_what_indexing_would(turns: list[list[int]]):
    torch.manual_seed(0)
    stack, weights = nn.Parameter(torch.randn(4, 3, 5)), torch.randn(4, 3, 5)
    state, expected = PackState(trials=4), torch.zeros_like(stack)
    for turn in turns:
        state.active = turn
        part = state.of_active(stack)
        assert torch.equal(part, stack[turn])
        (part.sin() * weights[turn]).sum().backward()
        expected[turn] += stack.detach()[turn].cos() * weights[turn]
    assert stack.grad is not None
    torch.testing.assert_close(stack.grad, expected)


def test_all_at_once_are_the_stack():
    stack = nn.Parameter(torch.zeros(2, 1, 1))
    assert PackState(trials=2).of_active(stack) is stack
