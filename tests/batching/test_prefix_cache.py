"""What stands before rows is read once: every token after it is what it would be behind it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from headtohead.batching import attention
from headtohead.batching.batch import pad_right
from headtohead.batching.prefix_cache import Context, Kept, common_beginning
from headtohead.batching.sequence_packing import PackedRows
from headtohead.heads.trie import LabelTrie, join_trees
from small_trunks import CPU, ROWS, make_trunk, read, read_packed

BEGINNING = [11, 12, 13, 14, 15, 16]
TRIE = LabelTrie.build([(3, 4, 5), (3, 4, 6), (7,), (8, 9)])


@torch.no_grad()
@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("branches", [False, True], ids=["prompts", "trees"])
@pytest.mark.parametrize("name", attention.CAUSAL)
def test_rows_read_on_from_what_they_begin_with(name: str, branches: bool) -> None:
    trunk = make_trunk(name)
    assert attention.read_packed_rows(trunk)
    assert attention.can_share_beginnings(trunk)
    whole = pad_right([[*BEGINNING, *row] for row in ROWS], 0, CPU)
    whole = TRIE.extend(whole) if branches else whole
    expected = read_packed(trunk, whole)[:, len(BEGINNING) :]

    beginning = pad_right([BEGINNING], 0, CPU)
    kept = Kept(real=beginning.real)
    read(trunk, PackedRows.of(beginning, 1, keeps=kept).trunk_inputs(beginning))
    rest = whole.after(len(BEGINNING))
    packed = PackedRows.of(rest, 1, beginning=kept)
    found = packed.padded(read(trunk, packed.trunk_inputs(rest)))
    torch.testing.assert_close(found[rest.real], expected[rest.real], atol=1e-5, rtol=1e-5)


@torch.no_grad()
@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", attention.CAUSAL)
def test_each_row_reads_on_from_its_own(name: str) -> None:
    """Rows of several lengths are kept, and continued in another order behind a beginning that all share."""
    trunk = make_trunk(name)
    assert attention.read_packed_rows(trunk)
    endings, order = [[1, 2, 3], [4], [5, 6]], [3, 0, 1]
    whole = pad_right([[*BEGINNING, *ROWS[row], *end] for row, end in zip(order, endings, strict=True)], 0, CPU)
    expected = read_packed(trunk, whole)

    beginning = pad_right([BEGINNING], 0, CPU)
    first = Kept(real=beginning.real)
    read(trunk, PackedRows.of(beginning, 1, keeps=first).trunk_inputs(beginning))
    middle = pad_right([[*BEGINNING, *row] for row in ROWS], 0, CPU).after(len(BEGINNING))
    second = Kept(real=middle.real)
    packed = PackedRows.of(middle, 1, beginning=first, keeps=second)
    read(trunk, packed.trunk_inputs(middle))

    branches = [LabelTrie.build([(*end, 0)]) for end in endings]
    ends = join_trees(branches, torch.tensor([len(BEGINNING) + len(ROWS[row]) for row in order]), pad_id=0)
    packed = PackedRows.of(ends, 1, beginning=first, context=Context(kept=second, row_of=torch.tensor(order)))
    found = packed.padded(read(trunk, packed.trunk_inputs(ends)))
    for row, (start, end) in enumerate(zip(order, endings, strict=True)):
        at = len(BEGINNING) + len(ROWS[start])
        torch.testing.assert_close(found[row, : len(end)], expected[row, at : at + len(end)], atol=1e-5, rtol=1e-5)


def test_several_trials_in_half_precision_with_filler() -> None:
    """Each trial has its own beginning; attention to it and to the row is joined as precisely as one product has it."""
    torch.manual_seed(0)
    trials = 2
    batch = pad_right([[1] * 5, [2] * 3, [3], [4] * 2], 0, CPU)
    batch.starts_at = len(BEGINNING)
    kept = Kept(real=torch.ones(trials, len(BEGINNING), dtype=torch.bool))
    kept.layers[0] = (torch.randn(trials, 2, len(BEGINNING), 8), torch.randn(trials, 2, len(BEGINNING), 8))
    packed = PackedRows.of(batch, trials, size=lambda count: 12, beginning=kept)
    assert sum(group.is_filler for group in packed.groups) == trials
    layer = torch.nn.Module()
    layer.layer_idx, layer.num_key_value_groups = 0, 2
    states = tuple(torch.randn(1, heads, packed.index.numel(), 8) for heads in (4, 2, 2))
    real = packed.targets < packed.real.numel()
    expected = attention.attend_padded(layer, states, None, packed)
    exact = attention.attend_behind(layer, states, None, packed)
    torch.testing.assert_close(exact[:, real], expected[:, real], atol=1e-6, rtol=1e-6)
    assert exact.isfinite().all()
    with torch.autocast("cpu", torch.bfloat16):
        half = attention.attend_behind(layer, states, None, packed)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half[:, real].float(), expected[:, real], atol=0.02, rtol=0.02)


def test_encoders_and_windows_share_no_beginning() -> None:
    for name in ("bert", "modernbert", "qwen2, a window"):
        assert not attention.can_share_beginnings(make_trunk(name))


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=6), min_size=1, max_size=5))
def test_common_beginning(rows: list[list[int]]) -> None:
    found = common_beginning(rows)
    assert all(row[: len(found)] == found and len(row) > len(found) for row in rows)
    shortest = min(map(len, rows))
    ends = {row[len(found)] for row in rows}
    assert len(found) == shortest - 1 or len(ends) > 1, "as long as it can be"
