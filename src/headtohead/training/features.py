"""What a trunk that nothing trains answers, once for each row: all that a head over it is trained on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from headtohead.batching.encode import EncodedRows
from headtohead.batching.plan import score_batches
from headtohead.training.frozen_layers import States, name_of

Compute = Callable[[list[list[int]]], Float[Tensor, "rows 1 features"]]
"""Given prompts, reads them."""
SPLITS = 8
"""As many are kept as tables: those of the latest runs."""


@dataclass(slots=True)
class _Table:
    states: Float[Tensor, "rows 1 features"]
    known: Bool[np.ndarray, " rows"]


class Features:
    """Keeps the state of each row that its readout needs, and a table of them for each split in use.

    A table takes rows x features x 4 bytes of the processor's memory, whether or not states are on disk too.

    Args:
        states: where they are kept by row.
    """

    def __init__(self, states: States) -> None:
        self._states = states
        self._tables: OrderedDict[str, _Table] = OrderedDict()
        self.found = 0
        """Rows that were kept before they were first asked for here."""

    @property
    def is_empty(self) -> bool:
        """Whether no row was asked for yet."""
        return not self._tables

    @torch.no_grad()
    def of(
        self, rows: EncodedRows, index: Int[np.ndarray, " some"], compute: Compute, tokens: int
    ) -> Float[Tensor, "some 1 features"]:
        """Return the states of some rows of a split, reading those that were never read.

        Args:
            tokens: to read at a time.
        """
        table = self._tables.pop(rows.key, None)
        missing = np.unique(index if table is None else index[~table.known[index]])
        if len(missing):
            found = self._look_up(rows.input_ids(missing), compute, tokens)
            if table is None:
                table = _Table(found.new_zeros(len(rows), *found.shape[1:]), np.zeros(len(rows), dtype=bool))
            table.states[torch.from_numpy(missing)] = found
            table.known[missing] = True
        assert table is not None, "no rows were asked for"
        self._tables[rows.key] = table
        if len(self._tables) > SPLITS:
            self._tables.popitem(last=False)
        return table.states[torch.from_numpy(index)]

    def _look_up(self, prompts: list[list[int]], compute: Compute, tokens: int) -> Float[Tensor, "rows 1 features"]:
        names = [name_of(prompt) for prompt in prompts]
        missing = {name: prompt for name, prompt in zip(names, prompts, strict=True) if name not in self._states}
        self.found += len(set(names)) - len(missing)
        unread = list(missing)
        lengths = np.asarray([len(prompt) for prompt in missing.values()], dtype=np.int64)
        for batch in score_batches(lengths, tokens):
            own = [unread[i] for i in batch]
            for name, state in zip(own, compute([missing[name] for name in own]), strict=True):
                self._states.put(name, state.clone())  # a view would keep the whole batch
        return torch.stack([self._states.get(name) for name in names])
