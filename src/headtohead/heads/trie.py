"""The labels' token sequences as a tree, so that a shared beginning is read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from headtohead.batching.batch import Batch, TreeMask


@dataclass(frozen=True, slots=True)
class LabelTrie:
    """Tokens that must be read to know the likelihood of every label.

    A label's last token is only ever predicted, so labels of one token add no token at all.
    """

    tokens: tuple[int, ...]
    """Token of each node, parents before children."""
    parents: tuple[int, ...]
    """Parent node, or -1 for the prompt's last token."""
    steps: tuple[tuple[tuple[int, int], ...], ...]
    """Per label: (node after which, token predicted); -1 is the prompt's last token."""

    @classmethod
    def build(cls, answers: Sequence[Sequence[int]]) -> LabelTrie:
        """Build the tree of some token sequences, none of them empty."""
        tokens: list[int] = []
        parents: list[int] = []
        known: dict[tuple[int, int], int] = {}
        steps = []
        for answer in answers:
            node, path = -1, []
            for position, token in enumerate(answer):
                path.append((node, token))
                if position + 1 == len(answer):
                    break
                if (node, token) not in known:
                    known[node, token] = len(tokens)
                    tokens.append(token)
                    parents.append(node)
                node = known[node, token]
            steps.append(tuple(path))
        return cls(tuple(tokens), tuple(parents), tuple(steps))

    def ancestry(self) -> Tensor:
        """Return a boolean nodes x nodes table: row node sees column node (itself and its ancestors)."""
        sees = torch.eye(len(self.tokens), dtype=torch.bool)
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                sees[node] |= sees[parent]
        return sees

    def depths(self) -> Int[Tensor, " nodes"]:
        """Return how many tokens after the prompt each node stands, from 0."""
        depths: list[int] = []
        for parent in self.parents:
            depths.append(0 if parent < 0 else depths[parent] + 1)
        return torch.tensor(depths, dtype=torch.long)

    def extend(self, prompts: Batch) -> Batch:
        """Append the tree to every padded prompt: each node sees its prompt, its ancestors and itself."""
        if not self.tokens:
            return prompts
        rows, length, nodes = prompts.rows, prompts.length, len(self.tokens)
        device = prompts.input_ids.device
        ends = prompts.attention_mask.sum(dim=1, keepdim=True)
        visible = torch.zeros(rows, length + nodes, length + nodes, dtype=torch.bool, device=device)
        real = prompts.attention_mask.bool()
        visible[:, :length, :length] = (
            real[:, None, :] & torch.ones(length, length, dtype=torch.bool, device=device).tril()
        )
        visible[:, length:, :length] = real[:, None, :]
        visible[:, length:, length:] = self.ancestry().to(device)
        visible |= torch.eye(length + nodes, dtype=torch.bool, device=device)  # padding sees itself: no empty softmax
        positions = torch.arange(length, device=device).expand(rows, length)
        tree_tokens = torch.tensor(self.tokens, device=device).expand(rows, nodes)
        return Batch(
            input_ids=torch.cat([prompts.input_ids, tree_tokens], dim=1),
            attention_mask=torch.cat([prompts.attention_mask, torch.zeros_like(tree_tokens)], dim=1),
            tree=TreeMask(
                visible=visible,
                position_ids=torch.cat([positions, ends + self.depths().to(device)[None, :]], dim=1),
                nodes=torch.arange(length + nodes, device=device).expand(rows, -1) >= length,
            ),
        )


def join_trees(tries: Sequence[LabelTrie], starts: Int[Tensor, " rows"], pad_id: int) -> Batch:
    """Return a tree for each row, without the prompt before it, which was read.

    Args:
        starts: tokens before each row's tree.
    """
    longest = max(len(trie.tokens) for trie in tries)
    shape = (len(tries), longest)
    ids, positions = torch.full(shape, pad_id), torch.zeros(shape, dtype=torch.long)
    nodes, visible = torch.zeros(shape, dtype=torch.bool), torch.zeros((*shape, longest), dtype=torch.bool)
    for row, (trie, start) in enumerate(zip(tries, starts.tolist(), strict=True)):
        count = len(trie.tokens)
        ids[row, :count] = torch.tensor(trie.tokens)
        positions[row, :count] = start + trie.depths()
        nodes[row, :count] = True
        visible[row, :count, :count] = trie.ancestry()
    device = starts.device
    tree = TreeMask(visible=visible.to(device), position_ids=positions.to(device), nodes=nodes.to(device))
    return Batch(input_ids=ids.to(device), attention_mask=torch.zeros_like(ids).to(device), tree=tree)
