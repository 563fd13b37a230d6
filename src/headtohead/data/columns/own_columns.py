"""Which columns of a table are its input and its label, told by their usual names and by what they hold. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headtohead.data.columns.cells import is_missing, truth
from headtohead.data.columns.conversations import conversation_fields
from headtohead.data.columns.label_spelling import written_number
from headtohead.data.columns.usual_names import LABELS, TEXTS, TITLES, is_among

Fields = dict[str, Any]
"""Settings below ``data.fields``."""
TEXT, LABEL = "text", "label"
"""Columns that are taken as they are, whatever others there are."""
LONG = 40
"""Characters that texts have on average and labels do not."""
MOST_FLAGS = 50


class Columns:
    """The columns of a table with the values that its first rows hold; those that hold nothing are none of them.

    Args:
        rows: as they stand in the file.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.names = {name for row in rows for name in row}
        self.values: dict[str, list[Any]] = {}
        for row in rows:
            for name, value in row.items():
                if name and not is_missing(value):
                    self.values.setdefault(name, []).append(value)

    def inputs(self, label: Sequence[str]) -> list[Fields]:
        """Return every way to read the input that is as likely as the others.

        Args:
            label: columns of the label, where they are known.
        """
        if TEXT in self.names and not self.conversation(TEXT):
            return [{"text": [TEXT]}]
        others = [name for name in self.values if name not in label]
        chats = [found for name in others if (found := self.conversation(name))]
        texts = [name for name in others if self._holds_words(name)]
        named = [name for name in texts if is_among(name, TEXTS)] or [name for name in texts if is_among(name, TITLES)]
        if not named and not chats and len(self.values) == 2:
            named = [name for name in texts if self._is_beside(name)]
        return [*({"text": [name]} for name in named), *chats]

    def labels(self, inputs: Sequence[str]) -> list[Fields]:
        """Return every column that is as likely the label as the others.

        Args:
            inputs: columns of the input, where they are known.
        """
        if LABEL in self.names and LABEL not in inputs:
            return [{"label": LABEL}]
        others = [name for name in self.values if name not in inputs and not self.conversation(name)]
        named = [name for name in others if is_among(name, LABELS) and not self._is_prose(name)]
        if not named and len(self.values) == 2:
            named = [name for name in others if inputs and self._comes_again(name)]
        return [{"label": name} for name in named]

    def titles(self, text: str) -> list[str]:
        """Return the columns that are usually read before a text."""
        return [name for name in self.values if name != text and is_among(name, TITLES) and self._holds_words(name)]

    def likely_inputs(self, label: Sequence[str]) -> list[Fields]:
        """Return the column with the longest texts, to be asked about."""
        texts = [name for name in self.values if name not in label and self._holds_words(name)]
        return [{"text": [max(texts, key=self._length)]}] if texts else []

    def likely_labels(self, inputs: Sequence[str]) -> list[Fields]:
        """Return what may be the label, to be asked about: all columns of zeros and ones, or the one with the fewest values."""
        others = [name for name in self.values if name not in inputs and not self.conversation(name)]
        flags = [name for name in others if self._holds_flags(name)]
        if 1 < len(flags) <= MOST_FLAGS:
            return [{"label": flags}]
        again = [name for name in others if self._comes_again(name)]
        return [{"label": min(again, key=self._distinct)}] if again else []

    def conversation(self, name: str) -> Fields:
        """Return the settings that read a column all of whose cells are conversations written alike; none of another."""
        found = [conversation_fields(name, value) for value in self.values.get(name, []) if value != []]
        return found[0] if found and all(fields == found[0] for fields in found) else {}

    def _holds_words(self, name: str) -> bool:
        values = self.values[name]
        return all(isinstance(value, str) for value in values) and not all(map(_is_number, values))

    def _is_prose(self, name: str) -> bool:
        """Whether a column holds texts: longer than labels are, and hardly one of them twice."""
        return self._holds_words(name) and self._length(name) > LONG and not self._comes_again(name)

    def _is_beside(self, name: str) -> bool:
        """Whether a column of two is the text: the other one's values come again, and are shorter."""
        (other,) = (key for key in self.values if key != name)
        return self._comes_again(other) and self._length(name) > self._length(other)

    def _comes_again(self, name: str) -> bool:
        """Whether a value stands in two rows or more on average, as labels do."""
        return 2 <= self._distinct(name) <= len(self.values[name]) / 2

    def _holds_flags(self, name: str) -> bool:
        return self._distinct(name) <= 2 and all(truth(value) is not None for value in self.values[name])

    def _distinct(self, name: str) -> int:
        return len({str(value) for value in self.values[name]})

    def _length(self, name: str) -> float:
        return sum(len(str(value)) for value in self.values[name]) / len(self.values[name])


def _is_number(value: str) -> bool:
    return written_number(value.strip().replace(",", ".")) is not None
