"""The model answers with a label's words; a label's score is the log-likelihood of all its tokens. No ``generate``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from headtohead.batching.batch import Batch, pad_right
from headtohead.batching.prefix_cache import common_beginning
from headtohead.heads.audit import LabelAudit
from headtohead.heads.branches import branches_of
from headtohead.heads.shell import make_shell
from headtohead.heads.trie import LabelTrie

VOCABULARY_CHUNK = 2**26
"""Logits held at once when scoring: 256 MB in fp32."""


class GenerativeHead:
    """Scores labels by ``log p(tokens | prompt)`` under the full vocabulary.

    Args:
        normalisation: ``none``; ``length``: per token; ``prior``: minus the score of the prompt without a text
            (pointwise mutual information, Holtzman et al. 2021, arXiv:2104.08315).
        prior_prompt: token ids of the prompt without a text.
    """

    reads_one_state = False

    def __init__(self, model: Any, audit: LabelAudit, *, normalisation: str, prior_prompt: list[int]) -> None:
        self.audit = audit
        self.width = len(audit.answers)
        self.device = next(model.parameters()).device
        self.pad_id: int = model.config.pad_token_id
        self.prior = [prior_prompt] if normalisation == "prior" else []
        end = (audit.end_id,) if audit.needs_end else ()
        scored = [(*answer, *end) for answer in audit.answers]
        self.trie = LabelTrie.build(scored)
        self.branches = branches_of(scored)
        self.extra_tokens = len(self.trie.tokens)
        self.normalisation = normalisation
        self._divisor = torch.tensor(
            [len(answer) if normalisation == "length" else 1 for answer in scored], device=self.device
        )
        self._shell, self._trunk = make_shell(model, copy_head=False)

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """The head has no weights of its own: it reads the model's output embeddings."""
        return iter(())

    def batch(self, prompts: list[list[int]]) -> Batch:
        """Pad the prompts and append the labels' tree; the prior's prompt stands last."""
        return self.trie.extend(pad_right([*prompts, *self.prior], self.pad_id, self.device))

    def skips(self, beginning: list[int]) -> list[int]:
        """What the prior's prompt begins with too."""
        return common_beginning([[*beginning, self.pad_id], *self.prior])

    def scores(self, outputs: Any, batch: Batch) -> Float[Tensor, "rows labels"]:
        """Return each label's log-likelihood, normalised as configured."""
        scores = self.likelihood(outputs, batch) / self._divisor
        return scores[:-1] - scores[-1:] if self.prior else scores

    def likelihood(self, outputs: Any, batch: Batch) -> Float[Tensor, "rows labels"]:
        """Return each label's log-likelihood after every prompt of a batch, the prior's included."""
        hidden = self._states(outputs.last_hidden_state, batch)
        per_chunk = max(1, VOCABULARY_CHUNK // (hidden.shape[1] * self._vocabulary))
        return torch.cat([self._label_likelihood(part) for part in hidden.split(per_chunk)])

    def log_p_of(
        self,
        hidden: Float[Tensor, "states features"],
        states: Int[Tensor, " pairs"],
        tokens: Int[Tensor, " pairs"],
    ) -> Float[Tensor, " pairs"]:
        """Return the log-probabilities of some tokens after some of the hidden states, in fp32.

        Args:
            states: of each pair, ascending or not.
        """
        found = torch.zeros(len(states), device=hidden.device)
        per_chunk = max(1, VOCABULARY_CHUNK // self._vocabulary)
        for start in range(0, len(hidden), per_chunk):
            own = (states >= start) & (states < start + per_chunk)
            log_p = self.next_log_p(hidden[start : start + per_chunk])
            found[own] = log_p[states[own] - start, tokens[own]]
        return found

    def next_log_p(self, hidden: Float[Tensor, "states features"]) -> Float[Tensor, "states vocabulary"]:
        """Return the log-probability of every token after some hidden states, in fp32."""
        return self._logits(hidden).log_softmax(dim=-1)

    def readout_states(self, outputs: Any, batch: Batch) -> Float[Tensor, "rows 1 features"]:
        """Labels are read after the prompt."""
        raise AssertionError("a generative head reads more than one state of a row")

    def gold_batch(self, prompts: list[list[int]], targets: Sequence[int]) -> Batch:
        """Return prompts with their gold labels and the end token, less that last token, which is only predicted."""
        return pad_right(
            [[*prompt, *self.audit.answers[target]] for prompt, target in zip(prompts, targets, strict=True)],
            self.pad_id,
            self.device,
        )

    def gold_losses(self, outputs: Any, batch: Batch, targets: Sequence[int]) -> Float[Tensor, " rows"]:
        """Return the summed cross-entropy of each row's gold tokens, end token included, over the full vocabulary."""
        answers = [(*self.audit.answers[target], self.audit.end_id) for target in targets]
        ends = batch.attention_mask.sum(dim=1).tolist()
        rows = [row for row, answer in enumerate(answers) for _ in answer]
        columns = [end - len(answer) + i for end, answer in zip(ends, answers, strict=True) for i in range(len(answer))]
        expected = torch.tensor([token for answer in answers for token in answer], device=self.device)
        row_index = torch.tensor(rows, device=self.device)
        hidden = outputs.last_hidden_state[row_index, torch.tensor(columns, device=self.device)]
        losses = nn.functional.cross_entropy(self._logits(hidden), expected, reduction="none")
        return torch.zeros(batch.rows, device=self.device).index_add(0, row_index, losses)

    def gold_tokens(self, target: int) -> int:
        """Return how many tokens of a row are trained: at least two, the label's and the end."""
        return len(self.audit.answers[target]) + 1

    @property
    def _vocabulary(self) -> int:
        return int(self._shell.config.get_text_config().vocab_size)  # type: ignore[union-attr,operator]

    def _states(self, hidden: Tensor, batch: Batch) -> Float[Tensor, "rows states features"]:
        """Pick the hidden state of the prompt's last token and of every node of the tree."""
        last = batch.attention_mask.sum(dim=1) - 1
        first = hidden[torch.arange(batch.rows, device=hidden.device), last].unsqueeze(1)
        return torch.cat([first, hidden[:, hidden.shape[1] - len(self.trie.tokens) :]], dim=1)

    def _logits(self, hidden: Float[Tensor, "states features"]) -> Float[Tensor, "states vocabulary"]:
        with self._trunk.answering(_outputs(hidden.unsqueeze(0))):
            logits: Tensor = self._shell(input_ids=None).logits[0].float()
        return logits

    def _label_likelihood(self, states: Float[Tensor, "rows states features"]) -> Float[Tensor, "rows labels"]:
        rows, count, _ = states.shape
        log_p = self.next_log_p(states.flatten(0, 1)).view(rows, count, -1)
        steps = torch.tensor([step for path in self.trie.steps for step in path], device=states.device)
        of_steps = log_p[:, steps[:, 0] + 1, steps[:, 1]]  # the prompt's last token is node -1 and state 0
        return torch.stack([own.sum(dim=1) for own in of_steps.split(list(map(len, self.trie.steps)), dim=1)], dim=1)


def _outputs(hidden: Tensor) -> Any:
    from transformers.modeling_outputs import BaseModelOutputWithPast

    return BaseModelOutputWithPast(last_hidden_state=hidden)
