"""All ways of attention on the CPU."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from headtohead.batching import attention, varlen
from varlen_by_rows import row_by_row


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What the kernel was seen to do is forgotten."""
    varlen.is_right.cache_clear()
    yield
    varlen.is_right.cache_clear()


@pytest.fixture(params=["by groups", "padded", "varlen"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All ways on the CPU: other devices take the padded one, or the kernel, here in fp32 and row by row."""
    if request.param == "by groups":
        return
    own = attention._way
    monkeypatch.setattr(attention, "_way", lambda device, *rest: own("cuda", *rest))
    if request.param == "varlen":
        monkeypatch.setattr(varlen, "PRECISIONS", (torch.float32,))
        monkeypatch.setattr(varlen, "kernel", lambda: row_by_row)
