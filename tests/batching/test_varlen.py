"""Where PyTorch's kernel is taken: where it was seen to answer as SDPA does. What it answers, test_packed.py compares."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from headtohead.batching import attention, varlen
from headtohead.batching.batch import Batch, pad_right
from headtohead.batching.prefix_cache import Kept
from headtohead.batching.sequence_packing import PackedRows
from headtohead.heads.trie import LabelTrie
from small_trunks import CPU, ROWS
from varlen_by_rows import row_by_row


def blind(*states: Any, **options: Any) -> Tensor:
    """Sees all after it."""
    left, _ = options.pop("window_size")
    return row_by_row(*states, window_size=(left, -1), **options)


def far_sighted(*states: Any, **options: Any) -> Tensor:
    """Sees one further than asked."""
    left, right = options.pop("window_size")
    return row_by_row(*states, window_size=(left + 1 if left > 0 else left, right), **options)


def out_of_memory(*states: Any, **options: Any) -> Tensor:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")


@pytest.mark.parametrize("features", [8, 64])
def test_it_is_taken_where_it_answers_as_sdpa_does(monkeypatch: pytest.MonkeyPatch, features: int):
    monkeypatch.setattr(varlen, "kernel", lambda: row_by_row)
    assert varlen.is_right(CPU, features, torch.bfloat16)


def test_it_is_tried_within_gradient_checkpointing_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(varlen, "kernel", lambda: row_by_row)
    x = torch.ones(3, requires_grad=True)

    def layer(own: Tensor) -> Tensor:
        assert varlen.is_right(CPU, 8, torch.bfloat16)
        return own.sin().exp()

    checkpoint(layer, x, use_reentrant=False).sum().backward()
    torch.testing.assert_close(x.grad, x.detach().cos() * x.detach().sin().exp())


def test_running_out_of_memory_says_nothing_of_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(varlen, "kernel", lambda: out_of_memory)
    with pytest.raises(torch.OutOfMemoryError):
        varlen.is_right(CPU, 8, torch.bfloat16)
    monkeypatch.setattr(varlen, "kernel", lambda: row_by_row)
    assert varlen.is_right(CPU, 8, torch.bfloat16)


@pytest.mark.parametrize("wrong", [blind, far_sighted])
def test_where_it_does_not_the_log_says_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, wrong: Any
):
    monkeypatch.setattr(varlen, "kernel", lambda: wrong)
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
        (torch.bfloat16, 0.0, "beginning", False),
    ],
)
def test_rows_that_see_their_own_tokens_alone_in_half_precision(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, dropout: float, kind: str, expected: bool
):
    monkeypatch.setattr(varlen, "kernel", lambda: row_by_row)
    batch: Batch = pad_right(ROWS, 0, CPU)
    if kind == "tree":
        batch = LabelTrie.build([(3, 4), (5,)]).extend(batch)
    before = {"beginning": Kept(real=torch.ones(1, 2, dtype=torch.bool))} if kind == "beginning" else {}
    packed = PackedRows.of(batch, 1, **before)
    query = torch.zeros(1, 4, packed.index.numel(), 8, dtype=dtype)
    assert varlen.takes(query, packed, dropout) is expected
    chosen = {True: varlen.attend_varlen, False: attention.attend_padded}
    assert attention._way("cuda", query, packed, dropout) is chosen[expected]
    of_processor = attention.attend_behind if kind == "beginning" else attention.attend_by_groups
    assert attention._way("cpu", query, packed, dropout) is of_processor


def test_filler_is_cut_into_rows_no_longer_than_the_longest():
    packed = PackedRows.of(pad_right([[1] * 5, [2] * 3], 0, CPU), 1, size=lambda count: 20)
    assert packed.longest == 5
    assert packed.starts.tolist() == [0, 3, 8, 13, 18, 20]
    both = PackedRows.of(pad_right([[1] * 5, [2] * 3, [3], [4] * 2], 0, CPU), 2)
    assert both.starts.tolist() == [0, 3, 8, 9, 11, 16]
