"""What stands before rows is read once: every token after it is what it would be behind it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from headtohead.batching import attention
from headtohead.batching.batch import pad_right
from headtohead.batching.context import Context, Kept, common_beginning
from headtohead.batching.packed import PackedRows
from headtohead.heads.trie import LabelTrie, join_trees
from small_trunks import CPU, ROWS, make_trunk, read, read_packed

BEGINNING = [11, 12, 13, 14, 15, 16]
TRIE = LabelTrie.build([(3, 4, 5), (3, 4, 6), (7,), (8, 9)])


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
    before = Context(kept=kept, row_of=torch.zeros(rest.rows, dtype=torch.long))
    packed = PackedRows.of(rest, 1, contexts=[before])
    found = packed.padded(read(trunk, packed.trunk_inputs(rest)))
    torch.testing.assert_close(found[rest.real], expected[rest.real], atol=1e-5, rtol=1e-5)


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
    shared = Context(kept=first, row_of=torch.zeros(len(ROWS), dtype=torch.long))
    second = Kept(real=middle.real)
    packed = PackedRows.of(middle, 1, contexts=[shared], keeps=second)
    read(trunk, packed.trunk_inputs(middle))

    branches = [LabelTrie.build([(*end, 0)]) for end in endings]
    ends = join_trees(branches, torch.tensor([len(BEGINNING) + len(ROWS[row]) for row in order]), pad_id=0)
    contexts = [
        Context(kept=first, row_of=torch.zeros(3, dtype=torch.long)),
        Context(kept=second, row_of=torch.tensor(order)),
    ]
    packed = PackedRows.of(ends, 1, contexts=contexts)
    found = packed.padded(read(trunk, packed.trunk_inputs(ends)))
    for row, (start, end) in enumerate(zip(order, endings, strict=True)):
        at = len(BEGINNING) + len(ROWS[start])
        torch.testing.assert_close(found[row, : len(end)], expected[row, at : at + len(end)], atol=1e-5, rtol=1e-5)


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
