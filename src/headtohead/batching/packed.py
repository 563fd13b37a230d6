"""Rows end to end: a trunk's linear layers read real tokens alone, whatever rows a batch holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from headtohead.batching.batch import Batch


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedRows:
    """Where the tokens of a padded batch stand once its padding is left out.

    Trials of a pack follow one another with the same number of tokens each; the shorter are filled up with padding,
    which makes a row of its own that no other sees.
    """

    index: Int[Tensor, " tokens"]
    """Each token's place in the padded batch, counted row after row."""
    lengths: list[int]
    """Tokens of each row, in turn."""
    real: Bool[Tensor, "rows length"]
    """Of the padded batch: not padding."""
    visible: Bool[Tensor, "rows length length"] | None
    """Of the padded batch: which token sees which, where the architecture alone does not say."""
    masks: list[Tensor | None] | None
    """The same for each packed row."""

    @classmethod
    def of(cls, batch: Batch, trials: int) -> PackedRows:
        """Leave the padding out of a batch whose rows are those of ``trials`` trials, one after another."""
        real, own = batch.real, batch.real.view(trials, -1)
        tokens = own.sum(dim=1).tolist()
        order = own.long().argsort(dim=1, descending=True, stable=True)[:, : max(tokens)]  # real tokens, then padding
        index = order + torch.arange(trials, device=order.device)[:, None] * own.shape[1]
        lengths: list[int] = []
        masks: list[Tensor | None] = []
        for trial, rows in enumerate(real.view(trials, -1, batch.length)):
            lengths += rows.sum(dim=1).tolist()
            masks += _own_masks(batch, trial * len(rows), rows)
            if tokens[trial] < max(tokens):
                lengths.append(max(tokens) - tokens[trial])
                masks.append(None)
        return cls(
            index=index.flatten(),
            lengths=lengths,
            real=real,
            visible=batch.tree.visible if batch.tree else None,
            masks=masks if batch.tree else None,
        )

    def trunk_inputs(self, batch: Batch) -> dict[str, Any]:
        """Return the keyword arguments of the trunk's forward: one row, with every token's place in its own."""
        places = self.index % batch.length if batch.tree is None else batch.tree.position_ids.flatten()[self.index]
        return {
            "input_ids": batch.input_ids.flatten()[self.index][None],
            "position_ids": places[None],
            "attention_mask": self.real.new_ones(1, max(self.lengths), dtype=torch.long),  # tells a mask's size
            "packed": self,
        }

    def padded(self, hidden: Float[Tensor, "1 tokens features"]) -> Float[Tensor, "rows length features"]:
        """Put hidden states where the padded batch has their tokens; zeros elsewhere."""
        flat = hidden.new_zeros(self.real.numel(), hidden.shape[-1]).index_copy(0, self.index, hidden[0])
        return flat.view(*self.real.shape, -1)


def _own_masks(batch: Batch, first: int, rows: Bool[Tensor, "rows length"]) -> list[Tensor | None]:
    """Return which real token of each row sees which."""
    if batch.tree is None:
        return [None] * len(rows)
    columns = [row.nonzero().flatten() for row in rows]
    return [batch.tree.visible[first + row][own][:, own][None, None] for row, own in enumerate(columns)]
