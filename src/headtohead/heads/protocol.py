"""What every head offers: whatever a model is asked, the answer is a table of scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from headtohead.batching.batch import Batch


@runtime_checkable
class Head(Protocol):
    """Reads scores from a trunk's outputs. One instance belongs to one trial."""

    width: int
    """Scores per row."""
    extra_tokens: int
    """Tokens that ``batch`` adds to every row, for planning memory."""

    def batch(self, prompts: list[list[int]]) -> Batch:
        """Return what the trunk must read to score these prompts."""

    def skips(self, beginning: list[int]) -> list[int]:
        """Return as much of what all prompts begin with as ``batch`` begins with too and no score is read from."""

    def scores(self, outputs: Any, batch: Batch) -> Float[Tensor, "rows width"]:
        """Return the scores of the prompts that ``batch`` was made from, in fp32."""

    @property
    def reads_one_state(self) -> bool:
        """Whether a row's scores are those of one state: of a token, or pooled."""

    def readout_states(self, outputs: Any, batch: Batch) -> Float[Tensor, "rows 1 features"]:
        """Return that state of each row."""

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Return the head's own trainable weights: fp32, never quantised."""


def slice_outputs(outputs: Any, first_row: int, batch: Batch) -> Any:
    """Return one trial's part of a pack's trunk outputs, at the shape of its own batch."""
    rows = slice(first_row, first_row + batch.rows)
    cut = {
        name: value[rows, : batch.length] if value.dim() == 3 else value[rows]
        for name, value in outputs.items()
        if isinstance(value, torch.Tensor)
    }
    return type(outputs)(**cut)


def batch_of_states(states: Float[Tensor, "rows 1 features"], pad_id: int) -> Batch:
    """Return the batch that goes with a row's one state: a token that is no padding."""
    ids = torch.full(states.shape[:2], 1 if pad_id == 0 else 0, dtype=torch.long, device=states.device)
    return Batch(input_ids=ids, attention_mask=torch.ones_like(ids))
