"""The likeliest label of every row, and no more: labels whose first token already rules them out are never read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from headtohead.batching.batch import pad_right
from headtohead.batching.plan import score_batches
from headtohead.batching.prefix_cache import Context, Kept
from headtohead.errors import Diverged
from headtohead.heads import GenerativeHead
from headtohead.heads.branches import Branch
from headtohead.heads.trie import join_trees
from headtohead.training.pack import Pack
from headtohead.training.scoring import InputIds, left_to_read, read_beginning


def can_search(pack: Pack) -> bool:
    """Whether the best label can be searched for: scores have the bound, one trial reads on after its packed rows.

    A score for each token (``head.normalisation=length``) can rise with the next one.
    """
    head = pack.trials[0].head
    is_bounded = isinstance(head, GenerativeHead) and head.normalisation != "length"
    return is_bounded and pack.shares_beginnings and len(pack.trials) == 1


class BestLabel:
    """Finds the arg-max of a generative head's scores by best-first search, exactly.

    A continuation adds at most 0 to a log-likelihood, so a first token's is an upper bound of all labels that begin
    with it. The branch with the highest bound is read next, until no bound reaches the best label found.

    Args:
        pack: to which it applies: see ``can_search``.
    """

    def __init__(self, pack: Pack) -> None:
        head = pack.trials[0].head
        assert can_search(pack)
        assert isinstance(head, GenerativeHead)
        self._pack, self._head = pack, head
        self._branches = head.branches
        self._firsts = torch.tensor([branch.first for branch in head.branches], device=head.device)

    @torch.no_grad()
    def of_prompts(self, lengths: Int[np.ndarray, " rows"], input_ids: InputIds) -> Int[np.ndarray, " rows"]:
        """Return the best label's number for prompts that ``input_ids`` looks up by row.

        Raises:
            Diverged: a likelihood is not a number, which is never a class.
        """
        pack = self._pack
        pack.set_mode(training=False)
        best = np.zeros(len(lengths), dtype=np.int64)
        beginning = read_beginning(pack, lengths, input_ids, [0])
        prior = self._prior()
        largest = max(len(branch.trie.tokens) for branch in self._branches)
        tokens = pack.trials[0].config.score_batch_tokens
        for index in score_batches(left_to_read(lengths, beginning), tokens, largest):
            parts = pack.in_parts(input_ids(index), lambda part: self._search(part, beginning, prior))
            best[index] = np.concatenate(parts)
        return best

    def _prior(self) -> list[float]:
        """Return what is taken off each label's log-likelihood."""
        if not self._head.prior:
            return [0.0] * self._head.width
        batch = self._head.batch([])  # the prompt without a text alone
        with self._pack.autocast_context():
            found = self._head.likelihood(self._pack.read_packed(batch, [batch]), batch)
        values: list[float] = _finite(found[0]).tolist()
        return values

    @torch.no_grad()
    def _search(self, prompts: list[list[int]], beginning: Kept | None, prior: Sequence[float]) -> np.ndarray:
        whole = pad_right(prompts, self._head.pad_id, self._head.device)
        batch = whole.after(beginning.real.shape[1]) if beginning else whole
        own = Kept(real=batch.real)
        with self._pack.autocast_context():
            outputs = self._pack.read_packed(batch, [batch], beginning, keeps=own if self._head.trie.tokens else None)
            last = batch.attention_mask.sum(dim=1) - 1
            states = torch.arange(batch.rows, device=last.device)
            hidden = outputs.last_hidden_state[states, last]
            count = len(self._firsts)
            pairs = states.repeat_interleave(count), self._firsts.repeat(batch.rows)
            first = _finite(self._head.log_p_of(hidden, *pairs)).view(-1, count)
        best = _Best(first, self._branches, prior)
        starts = whole.attention_mask.sum(dim=1)
        while chosen := best.to_read():
            rows = torch.tensor([row for row, _ in chosen], device=last.device)
            context = Context(kept=own, row_of=rows)
            self._read_on([number for _, number in chosen], starts[rows], beginning, context, best)
        return best.labels

    def _read_on(
        self,
        numbers: list[int],
        starts: Int[Tensor, " some"],
        beginning: Kept | None,
        context: Context,
        best: _Best,
    ) -> None:
        """Read a branch of each of some rows, and hold its labels against the best so far."""
        branches = [self._branches[number] for number in numbers]
        batch = join_trees([branch.trie for branch in branches], starts, self._head.pad_id)
        steps = [own[1:] for branch in branches for own in branch.trie.steps]  # the first is known
        offsets = np.cumsum([0, *(len(branch.trie.tokens) for branch in branches)])
        shifts = [offset for offset, branch in zip(offsets, branches, strict=False) for _ in branch.labels]
        states = [node + shift for own, shift in zip(steps, shifts, strict=True) for node, _ in own]
        tokens = [token for own in steps for _, token in own]
        pairs = (torch.tensor(part, device=starts.device) for part in (states, tokens))
        with self._pack.autocast_context():
            outputs = self._pack.read_packed(batch, [batch], beginning, context)
            log_p = _finite(self._head.log_p_of(outputs.last_hidden_state[batch.real], *pairs))
        sums = iter(float(part.sum()) for part in log_p.split([len(own) for own in steps]))
        for row, number, branch in zip(context.row_of.tolist(), numbers, branches, strict=True):
            best.take(row, number, [next(sums) for _ in branch.labels])


class _Best:
    """The best label of each row so far, and what the branches that were not read could still reach."""

    def __init__(
        self, first: Float[Tensor, "rows branches"], branches: Sequence[Branch], prior: Sequence[float]
    ) -> None:
        self._first, self._branches, self._prior = first, branches, prior
        self._open = first - torch.tensor([min(prior[label] for label in branch.labels) for branch in branches])
        self.labels = np.zeros(len(first), dtype=np.int64)
        self._values = np.full(len(first), -np.inf)
        for number, branch in enumerate(branches):
            if not branch.trie.tokens:
                for row in range(len(first)):
                    self.take(row, number, [0.0])

    def take(self, row: int, number: int, rest: Sequence[float]) -> None:
        """Hold a branch's labels against the best of a row.

        Args:
            rest: log-likelihood of each label after the branch's first token.
        """
        self._open[row, number] = -torch.inf
        for label, value in zip(self._branches[number].labels, rest, strict=True):
            score = float(self._first[row, number]) + value - self._prior[label]
            if (score, -label) > (self._values[row], -self.labels[row]):
                self._values[row], self.labels[row] = score, label

    def to_read(self) -> list[tuple[int, int]]:
        """Return the rows that are not settled, each with its most promising branch."""
        bounds, numbers = self._open.max(dim=1)
        unsettled = (bounds > -torch.inf) & (bounds >= torch.from_numpy(self._values))
        return [(row, int(numbers[row])) for row in unsettled.nonzero().flatten().tolist()]


def _finite(log_p: Tensor) -> Tensor:
    """Return log-probabilities on the processor's side.

    Raises:
        Diverged: one is not a number.
    """
    found = log_p.cpu()
    if not bool(found.isfinite().all()):
        raise Diverged("scores are not finite; NaN is never a class")
    return found
