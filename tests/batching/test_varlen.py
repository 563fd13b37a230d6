"""Where PyTorch's kernel is taken: where it was seen to answer as SDPA does. What it answers, test_packed.py compares."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
from torch import Tensor

from headtohead.batching import varlen
from headtohead.batching.batch import Batch, pad_right
from headtohead.batching.context import Context, Kept
from headtohead.batching.packed import PackedRows
from headtohead.heads.trie import LabelTrie
from small_trunks import CPU, ROWS
from varlen_by_rows import row_by_row


@pytest.fixture(autouse=True)
def forgotten() -> None:
    varlen.is_right.cache_clear()


def blind(*states: Any, **options: Any) -> Tensor:
    return row_by_row(*states, **options | {"window_size": (-1, -1)})


def test_it_is_taken_where_it_answers_as_sdpa_does(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(varlen, "kernel", lambda: row_by_row)
    assert varlen.is_right(CPU, 8, torch.bfloat16)


def test_where_it_does_not_the_log_says_why(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setattr(varlen, "kernel", lambda: blind)
    with caplog.at_level(logging.WARNING):
        assert not varlen.is_right(CPU, 8, torch.bfloat16)
        assert not varlen.is_right(CPU, 8, torch.bfloat16)
    assert [record.message for record in caplog.records] == [
        "torch.nn.attention.varlen does not work here, so attention pads its rows: Tensor-likes are not close!"
    ]


def test_a_device_without_it_pads(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        assert not varlen.is_right(CPU, 8, torch.bfloat16)  # PyTorch has it for GPUs alone
    assert "so attention pads its rows" in caplog.text


@pytest.mark.parametrize(
    ("dtype", "dropout", "kind", "expected"),
    [
        (torch.bfloat16, 0.0, "plain", True),
        (torch.float32, 0.0, "plain", False),
        (torch.bfloat16, 0.1, "plain", False),
        (torch.bfloat16, 0.0, "tree", False),
        (torch.bfloat16, 0.0, "context", False),
    ],
)
def test_rows_that_see_their_own_tokens_alone_in_half_precision(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, dropout: float, kind: str, expected: bool
):
    monkeypatch.setattr(varlen, "kernel", lambda: row_by_row)
    batch: Batch = pad_right(ROWS, 0, CPU)
    if kind == "tree":
        batch = LabelTrie.build([(3, 4), (5,)]).extend(batch)
    before = Context(
        kept=Kept(real=torch.ones(1, 2, dtype=torch.bool)), row_of=torch.zeros(len(ROWS), dtype=torch.long)
    )
    packed = PackedRows.of(batch, 1, contexts=[before] if kind == "context" else [])
    query = torch.zeros(1, 4, packed.index.numel(), 8, dtype=dtype)
    assert varlen.takes(query, packed, dropout) is expected
