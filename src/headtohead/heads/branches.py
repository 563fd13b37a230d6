"""Labels by their first token. Its likelihood is an upper bound of theirs, so few branches need to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headtohead.heads.trie import LabelTrie


@dataclass(frozen=True, slots=True)
class Branch:
    """The labels that begin with one token."""

    first: int
    """The token."""
    labels: tuple[int, ...]
    trie: LabelTrie
    """Of their tokens, the first included; without nodes where that is all of the only label's."""


def branches_of(answers: Sequence[Sequence[int]]) -> tuple[Branch, ...]:
    """Sort labels by their first token, in the labels' order.

    Args:
        answers: all tokens that are scored of each label; none begins another.
    """
    labels: dict[int, list[int]] = {}
    for label, answer in enumerate(answers):
        labels.setdefault(answer[0], []).append(label)
    return tuple(
        Branch(first, tuple(own), LabelTrie.build([answers[label] for label in own])) for first, own in labels.items()
    )
