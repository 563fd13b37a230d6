"""Both ways of attention on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headtohead.batching import attention

WAYS = {"by groups": attention.attend_by_groups, "padded": attention.attend_padded}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways on the CPU: other devices take the padded one."""
    chosen: Callable[..., Any] = WAYS[request.param]
    monkeypatch.setattr(attention, "attend_by_groups", chosen)
