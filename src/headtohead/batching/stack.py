"""The batches of several trials as one, trial after trial."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from headtohead.batching.batch import Batch, TreeMask


def stack_batches(batches: Sequence[Batch | None], rows: int, length: int, pad_id: int, device: torch.device) -> Batch:
    """Stack trials' batches to the same number of rows and tokens; what is missing is padding."""
    ids = torch.full((len(batches), rows, length), pad_id, dtype=torch.long, device=device)
    mask = torch.zeros((len(batches), rows, length), dtype=torch.long, device=device)
    for trial, batch in enumerate(batches):
        if batch is not None:
            ids[trial, : batch.rows, : batch.length] = batch.input_ids
            mask[trial, : batch.rows, : batch.length] = batch.attention_mask
    starts = max((batch.starts_at for batch in batches if batch is not None), default=0)
    stacked = Batch(input_ids=ids.flatten(0, 1), attention_mask=mask.flatten(0, 1), starts_at=starts)
    if any(batch is not None and batch.tree is not None for batch in batches):
        stacked.tree = _stack_trees(batches, stacked, rows)
    return stacked


def _stack_trees(batches: Sequence[Batch | None], stacked: Batch, rows: int) -> TreeMask:
    """Give rows without a tree the causal mask they would have had."""
    length, device = stacked.length, stacked.input_ids.device
    causal = torch.ones(length, length, dtype=torch.bool, device=device).tril()
    visible = (stacked.attention_mask.bool()[:, None, :] & causal) | torch.eye(length, dtype=torch.bool, device=device)
    positions = torch.arange(length, device=device).repeat(stacked.rows, 1) + stacked.starts_at
    nodes = torch.zeros(stacked.rows, length, dtype=torch.bool, device=device)
    for trial, batch in enumerate(batches):
        if batch is not None and batch.tree is not None:
            own = slice(trial * rows, trial * rows + batch.rows)
            visible[own, : batch.length, : batch.length] = batch.tree.visible
            positions[own, : batch.length] = batch.tree.position_ids
            nodes[own, : batch.length] = batch.tree.nodes
    return TreeMask(visible=visible, position_ids=positions, nodes=nodes)
