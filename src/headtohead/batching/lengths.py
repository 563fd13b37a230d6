"""How many tokens a row may take where ``prompt.max_tokens`` leaves it open: as many as the training texts need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headtohead.batching.encode import Encoder
from headtohead.errors import UserError
from headtohead.prompts import Message

QUANTILE = 0.98
COUNTED_ROWS = 2000
"""Of the training rows, the first so many are counted: they hold the labels in proportion."""
GRID = 64
"""Texts get a multiple of this: folds and subsets of one data set mostly agree."""
MOST_TEXT = 512
"""Attention and activations of longer texts take memory and time that nobody asked for."""
LEAST_TEXT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """A budget of tokens, and what it was chosen by."""

    prompt: int
    """Tokens of the prompt without any text."""
    wanted: int
    """Quantile of the training texts' tokens."""
    text: int
    """Tokens of text that fit."""
    positions: int
    """Tokens that the model can place."""

    @property
    def budget(self) -> int:
        """Tokens of prompt and text together."""
        return self.prompt + self.text

    def __str__(self) -> str:
        """Say in half a sentence what it was chosen by."""
        why = f"{QUANTILE:.0%} of the training texts take up to {self.wanted:,} tokens, the prompt {self.prompt:,}"
        if self.text >= self.wanted:
            return why
        bound = f"{MOST_TEXT} tokens of text are the most" if self.text == MOST_TEXT else ""
        return f"{why}; {bound or f'the model has {self.positions:,} positions'}"


def choose_length(
    encoder: Encoder, texts: Sequence[str], messages: Sequence[list[Message]] | None, *, positions: int, answer: int
) -> Length:
    """Choose the budget of a prompt by its texts: a quantile of their tokens, bounded by the model and by memory.

    It depends on prompt, tokenizer and rows alone, so that runs that differ in head or adapters read the same text,
    unless the model has no position left for an answer.

    Args:
        texts: of training rows.
        messages: of the same rows, where they are conversations.
        answer: tokens that an answer may take besides.

    Raises:
        UserError: the prompt leaves no room for text.
    """
    prompt = encoder.own_tokens
    room = positions - answer - prompt
    if room < LEAST_TEXT:
        raise UserError(
            f"the prompt takes {prompt} tokens without any text, and this model has {positions} positions: take a "
            "shorter prompt, such as prompt=plain, or a model with more positions, such as model=smollm2_135m"
        )
    lengths = np.asarray([len(ids) for ids in encoder.whole(texts[:COUNTED_ROWS], messages)])
    wanted = max(int(np.quantile(lengths, QUANTILE, method="higher")) - prompt, 0)
    text = min(GRID * max(1, -(-wanted // GRID)), MOST_TEXT, room)
    return Length(prompt=prompt, wanted=wanted, text=text, positions=positions)
