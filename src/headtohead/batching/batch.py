"""The tensors a trunk reads. Rows are padded on the right; a tree of continuations may follow the padded prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(slots=True, kw_only=True)
class Batch:
    """Token ids with their mask; ``tree`` where label tokens branch after the prompt."""

    input_ids: Int[Tensor, "rows length"]
    attention_mask: Int[Tensor, "rows length"]
    """1 on real tokens of the prompt (and of a gold answer); 0 on padding and on tree tokens. A row may be empty."""
    tree: TreeMask | None = None
    starts_at: int = 0
    """Tokens that stand before every row and were read earlier."""

    @property
    def rows(self) -> int:
        """Rows of the batch."""
        return self.input_ids.shape[0]

    @property
    def length(self) -> int:
        """Padded tokens per row."""
        return self.input_ids.shape[1]

    @property
    def real(self) -> Bool[Tensor, "rows length"]:
        """Tokens that are no padding: of prompts, gold answers and trees."""
        prompts = self.attention_mask.bool()
        return prompts if self.tree is None else prompts | self.tree.nodes

    def after(self, count: int) -> Batch:
        """Return what is left to read of every row once its first ``count`` tokens, none of them padding, were read."""
        tree = None
        if self.tree is not None:
            tree = TreeMask(
                visible=self.tree.visible[:, count:, count:],
                position_ids=self.tree.position_ids[:, count:],
                nodes=self.tree.nodes[:, count:],
            )
        return Batch(
            input_ids=self.input_ids[:, count:],
            attention_mask=self.attention_mask[:, count:],
            tree=tree,
            starts_at=self.starts_at + count,
        )

    def trunk_inputs(self, dtype: torch.dtype) -> dict[str, Tensor]:
        """Return the keyword arguments of the trunk's forward on padded rows."""
        if self.tree is None:
            mask = self.attention_mask.clone()
            mask[:, 0] |= 1 - self.attention_mask.amax(dim=1)  # an empty row sees its first token: no empty softmax
            return {"input_ids": self.input_ids, "attention_mask": mask}
        return {
            "input_ids": self.input_ids,
            "attention_mask": additive_mask(self.tree.visible, dtype),
            "position_ids": self.tree.position_ids,
        }


@dataclass(slots=True, kw_only=True)
class TreeMask:
    """Which token sees which, and at which position it stands, where causality alone does not say."""

    visible: Tensor
    """Boolean, rows x length x length: query attends to key."""
    position_ids: Int[Tensor, "rows length"]
    nodes: Bool[Tensor, "rows length"]
    """Which tokens are the tree's."""


def additive_mask(visible: Bool[Tensor, "rows length seen"], dtype: torch.dtype) -> Float[Tensor, "rows 1 length seen"]:
    """Return 0 where attention may look and the least finite number elsewhere, as every attention kernel takes it."""
    mask = torch.zeros(visible.shape, dtype=dtype, device=visible.device)
    return mask.masked_fill(~visible, torch.finfo(dtype).min).unsqueeze(1)


def pad_right(sequences: Sequence[Sequence[int]], pad_id: int, device: torch.device) -> Batch:
    """Stack token ids of several lengths, padding on the right."""
    length = max(len(sequence) for sequence in sequences)
    ids = torch.full((len(sequences), length), pad_id, dtype=torch.long)
    mask = torch.zeros((len(sequences), length), dtype=torch.long)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.as_tensor(sequence)
        mask[row, : len(sequence)] = 1
    return Batch(input_ids=ids.to(device), attention_mask=mask.to(device))
