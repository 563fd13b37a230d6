"""Rows end to end: a trunk's linear layers read real tokens alone, whatever rows a batch holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from headtohead.batching.batch import Batch, additive_mask
from headtohead.batching.prefix_cache import Context, Kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Neighbouring rows of one length."""

    places: Int[Tensor, "rows length"]
    """Each token's place in the padded batch, counted row after row."""
    is_filler: bool = False
    """A row of its trial's first token again and again, which nobody reads."""

    @property
    def tokens(self) -> int:
        """Of all its rows."""
        return self.places.numel()


@dataclass(frozen=True, kw_only=True)
class PackedRows:
    """Where the tokens of a padded batch stand once its padding is left out.

    Trials of a pack follow one another with the same number of tokens each; the shorter are filled up with a row of its own
    that no other sees. A trial's rows are sorted by length.
    """

    groups: list[Group]
    """All rows, in turn."""
    index: Int[Tensor, " tokens"]
    """All their places, on the batch's device."""
    targets: Int[Tensor, " tokens"]
    """The same where tokens are put back: filler's lies after the batch's last."""
    real: Bool[Tensor, "rows length"]
    """Of the padded batch: not padding."""
    visible: Bool[Tensor, "rows length length"] | None
    """Of the padded batch: which token sees which, where the architecture alone does not say."""
    beginning: Kept | None = None
    """What stands before all rows of each trial, a kept row for each."""
    context: Context | None = None
    """What stands between that and each row."""
    keeps: Kept | None = None
    """Where the rows' own keys and values go, if someone wants to read on after them."""

    @classmethod
    def of(
        cls,
        batch: Batch,
        trials: int,
        *,
        size: Callable[[int], int] = int,
        beginning: Kept | None = None,
        context: Context | None = None,
        keeps: Kept | None = None,
    ) -> PackedRows:
        """Leave the padding out of a batch whose rows are those of ``trials`` trials, one after another.

        Args:
            size: given the most tokens that a trial has, how many of each are read; one where a process has no rows.
        """
        real = batch.real.cpu()  # one wait for the device instead of one for each row
        most = max(1, size(int(real.view(trials, -1).sum(dim=1).max())))
        groups: list[Group] = []
        for trial, rows in enumerate(real.view(trials, -1, batch.length)):
            first = trial * rows.numel()
            groups += _groups(rows, first)
            missing = most - int(rows.sum())
            if missing:
                groups.append(Group(places=torch.full((1, missing), first), is_filler=True))
        return cls(
            groups=groups,
            index=_joined([group.places for group in groups], batch),
            targets=_joined(
                [torch.full_like(g.places, real.numel()) if g.is_filler else g.places for g in groups], batch
            ),
            real=batch.real,
            visible=batch.tree.visible if batch.tree else None,
            beginning=beginning,
            context=context,
            keeps=keeps,
        )

    @cached_property
    def starts(self) -> Int[Tensor, " ends"]:
        """Where each row begins, and where the last ends; filler is cut into rows no longer than the longest."""
        ends = torch.tensor([0, *(length for group in self.groups for length in self._lengths(group))]).cumsum(0)
        return ends.to(self.index.device, torch.int32)

    @cached_property
    def longest(self) -> int:
        """Tokens of the longest row."""
        return max((group.places.shape[1] for group in self.groups if not group.is_filler), default=1)

    def _lengths(self, group: Group) -> list[int]:
        if not group.is_filler:
            return [group.places.shape[1]] * len(group.places)
        count, rest = divmod(group.tokens, self.longest)
        return [self.longest] * count + [rest] * bool(rest)

    @cached_property
    def contexts(self) -> list[Context]:
        """All that stands before its rows, in turn."""
        found = [] if self.context is None else [self.context]
        if self.beginning is None:
            return found
        trials = torch.arange(len(self.beginning.real), device=self.real.device)
        row_of = trials.repeat_interleave(len(self.real) // len(trials))
        return [Context(kept=self.beginning, row_of=row_of), *found]

    @cached_property
    def masks(self) -> list[Bool[Tensor, "_ 1 length seen"] | None]:
        """Which token sees which in its row and context, of each group; None where the architecture says, and for filler."""
        return [None if group.is_filler else self._mask_of(group) for group in self.groups]

    @cached_property
    def added_masks(self) -> list[Float[Tensor, "_ 1 length seen"] | None]:
        """The same, to be added to scores."""
        return [None if mask is None else additive_mask(mask[:, 0], torch.float32) for mask in self.masks]

    @cached_property
    def padded_mask(self) -> Bool[Tensor, "_ 1 length seen"] | None:
        """The same of all padded rows at once, and of the beginning."""
        own = None if self.visible is None else self.visible.unsqueeze(1)
        rows = torch.arange(len(self.real), device=self.real.device)
        return _behind(self.contexts, own, rows, self.real.shape[1])

    def rows_of(self, group: Group) -> Int[Tensor, " rows"]:
        """Return which rows of the padded batch stand in a group."""
        return (group.places[:, 0] // self.real.shape[1]).to(self.real.device)

    def _mask_of(self, group: Group) -> Bool[Tensor, "_ 1 length seen"] | None:
        own = None if self.visible is None else self._visible_in(group.places)
        if own is None and self.beginning is not None:
            own = _causal(group.places.shape[1], self.real.device)  # what joins both kinds of attention assumes none
        context = [] if self.context is None else [self.context]
        return _behind(context, own, self.rows_of(group), group.places.shape[1])

    def _visible_in(self, places: Int[Tensor, "rows length"]) -> Bool[Tensor, "rows 1 length length"]:
        assert self.visible is not None
        row, column = places // self.real.shape[1], places % self.real.shape[1]
        return self.visible[row[:, :, None], column[:, :, None], column[:, None, :]].unsqueeze(1)

    def trunk_inputs(self, batch: Batch) -> dict[str, Any]:
        """Return the keyword arguments of the trunk's forward: one row, with every token's place in its own."""
        positions = (
            self.index % batch.length + batch.starts_at
            if batch.tree is None
            else batch.tree.position_ids.flatten()[self.index]
        )
        return {
            "input_ids": batch.input_ids.flatten()[self.index][None],
            "position_ids": positions[None],
            "attention_mask": batch.attention_mask.new_ones(1, self.longest),  # tells how large a row's mask must be
            "packed": self,
        }

    def padded(self, hidden: Float[Tensor, "1 tokens features"]) -> Float[Tensor, "rows length features"]:
        """Put hidden states where the padded batch has their tokens; zeros elsewhere."""
        flat = hidden.new_zeros(self.real.numel() + 1, hidden.shape[-1]).index_copy(0, self.targets, hidden[0])
        return flat[:-1].view(*self.real.shape, -1)


def round_tokens(count: int) -> int:
    """Return the next of eight numbers between two powers of two.

    oneDNN compiles a product in bf16 anew for each number of rows, which takes milliseconds, ten times the product itself:
    with few different numbers it has done so after a few batches (torch 2.13, AMX).
    """
    step = max(8, 2 ** (count.bit_length() - 1) // 8)
    return -(-count // step) * step


def _behind(
    contexts: Sequence[Context],
    own: Bool[Tensor, "_ 1 length length"] | None,
    rows: Int[Tensor, " rows"],
    length: int,
) -> Bool[Tensor, "_ 1 length seen"] | None:
    """Let every token of some rows see what stands before its row."""
    if not contexts:
        return own
    own = _causal(length, rows.device) if own is None else own
    before = [context.visible(rows)[:, None, None, :].expand(-1, -1, length, -1) for context in contexts]
    return torch.cat([*before, own.expand(len(rows), -1, -1, -1)], dim=3)


def _causal(length: int, device: torch.device) -> Bool[Tensor, "1 1 length length"]:
    """Let every token see those before it, and itself."""
    return torch.ones(1, 1, length, length, dtype=torch.bool, device=device).tril()


def _joined(places: Sequence[Int[Tensor, "_ _"]], batch: Batch) -> Int[Tensor, " tokens"]:
    return torch.cat([own.flatten() for own in places]).to(batch.input_ids.device)


def _groups(real: Bool[Tensor, "rows length"], first: int) -> list[Group]:
    """Sort rows by length and join those of one length; empty rows are left out.

    Args:
        first: place of the first row's first token.
    """
    lengths = real.sum(dim=1).tolist()
    rows_by_length = sorted((row for row in range(len(real)) if lengths[row]), key=lambda row: lengths[row])
    groups = []
    for _, rows in groupby(rows_by_length, key=lambda row: lengths[row]):
        places = [first + row * real.shape[1] + real[row].nonzero().flatten() for row in rows]
        groups.append(Group(places=torch.stack(places)))
    return groups
