"""Padded tensors, and what a row of a tree of label tokens may see."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from headtohead.batching.batch import additive_mask, pad_right
from headtohead.heads.trie import LabelTrie
from headtohead.training.pack import stack_batches

CPU = torch.device("cpu")
sequences = st.lists(st.lists(st.integers(1, 90), min_size=1, max_size=8), min_size=1, max_size=5)
answers = st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple), min_size=1, max_size=5)


@given(sequences)
def test_padding_on_the_right(rows: list[list[int]]):
    batch = pad_right(rows, 0, CPU)
    assert (batch.rows, batch.length) == (len(rows), max(map(len, rows)))
    for ids, mask, row in zip(batch.input_ids, batch.attention_mask, rows, strict=True):
        assert ids.tolist() == row + [0] * (batch.length - len(row))
        assert mask.tolist() == [1] * len(row) + [0] * (batch.length - len(row))


@given(sequences, answers)
def test_each_node_sees_its_prompt_and_its_ancestors(rows: list[list[int]], labels: list[tuple[int, ...]]):
    trie = LabelTrie.build(labels)
    batch = trie.extend(pad_right(rows, 0, CPU))
    width = max(map(len, rows))
    if batch.tree is None:
        assert all(len(label) == 1 for label in labels)
        return
    for number, row in enumerate(rows):
        visible, positions = batch.tree.visible[number], batch.tree.position_ids[number]
        for node in range(len(trie.tokens)):
            path, at = [], node
            while at >= 0:
                path.append(at)
                at = trie.parents[at]
            seen = {*range(len(row)), *(width + other for other in path)}
            assert set(visible[width + node].nonzero()[:, 0].tolist()) == seen
            assert positions[width + node] == len(row) + len(path) - 1
        for token in range(len(row)):
            assert set(visible[token].nonzero()[:, 0].tolist()) == set(range(token + 1))
            assert positions[token] == token
        assert visible.any(dim=1).all(), "a softmax over nothing is NaN"


@given(answers)
def test_steps_spell_the_labels(labels: list[tuple[int, ...]]):
    trie = LabelTrie.build(labels)
    for label, steps in zip(labels, trie.steps, strict=True):
        assert tuple(token for _, token in steps) == label
        read = [trie.tokens[node] for node, _ in steps[1:]]
        assert read == list(label[:-1])
    assert len(set(zip(trie.parents, trie.tokens, strict=True))) == len(trie.tokens), "shared beginnings stand once"


def test_additive_mask():
    visible = torch.tensor([[[True, False], [True, True]]])
    for dtype in (torch.float32, torch.bfloat16):
        mask = additive_mask(visible, dtype)
        assert mask.shape == (1, 1, 2, 2)
        assert mask.dtype == dtype
        assert mask[0, 0].tolist() == [[0, torch.finfo(dtype).min], [0, 0]]


def test_stacked_trials_stand_one_after_the_other():
    tree = LabelTrie.build([(1, 2), (3, 4)]).extend(pad_right([[5, 6, 7], [8]], 0, CPU))
    plain = pad_right([[9, 9, 9, 9, 9, 9]], 0, CPU)
    stacked = stack_batches([tree, None, plain], rows=3, length=6, pad_id=0, device=CPU)
    assert (stacked.rows, stacked.length) == (9, 6)
    assert stacked.input_ids[0].tolist() == [5, 6, 7, 1, 3, 0]
    assert stacked.input_ids[6].tolist() == [9] * 6
    assert stacked.real.sum(dim=1).tolist() == [5, 3, 0, 0, 0, 0, 6, 0, 0]
    assert stacked.tree is not None
    assert tree.tree is not None
    assert torch.equal(stacked.tree.visible[:2, :5, :5], tree.tree.visible)
    assert torch.equal(stacked.tree.visible[6], torch.ones(6, 6, dtype=torch.bool).tril())
    assert stacked.tree.visible.any(dim=2).all()


def test_empty_rows_of_a_padded_batch_see_one_token():
    stacked = stack_batches([pad_right([[5, 6]], 0, CPU), None], rows=2, length=2, pad_id=0, device=CPU)
    assert stacked.attention_mask.tolist() == [[1, 1], [0, 0], [0, 0], [0, 0]]
    given = stacked.trunk_inputs(torch.float32)["attention_mask"]
    assert given.tolist() == [[1, 1], [1, 0], [1, 0], [1, 0]]
