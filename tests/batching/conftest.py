"""All ways of attention on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from torch import Tensor, nn

from headtohead.batching import attention, varlen
from headtohead.batching.packed import PackedRows
from varlen_by_rows import row_by_row


def where_it_can(
    module: nn.Module, states: tuple[Tensor, Tensor, Tensor], window: Tensor | None, packed: PackedRows, **options: Any
) -> Tensor:
    """As a GPU that has the kernel attends; in fp32, which the kernel lacks and comparisons need."""
    if packed.visible is None and not packed.contexts:
        return varlen.attend_varlen(module, states, packed, **options)
    return attention.attend_padded(module, states, window, packed, **options)


WAYS = {"by groups": attention.attend_by_groups, "padded": attention.attend_padded, "varlen": where_it_can}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All ways on the CPU: other devices take the padded one, or the kernel."""
    chosen: Callable[..., Any] = WAYS[request.param]
    monkeypatch.setattr(attention, "attend_by_groups", chosen)
    monkeypatch.setattr(varlen, "kernel", lambda: row_by_row)
