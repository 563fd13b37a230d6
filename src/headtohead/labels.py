"""What can be answered: label names, their order, words, descriptions and values. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from headtohead.errors import UserError, near_names, some_of

LabelKind = Literal["single", "multi", "ordinal", "real"]


def label_text(raw: object) -> str:
    """Return a label as text, be it a value of a file or a key of a mapping: 4.0 is '4', and True is 'true'."""
    if isinstance(raw, bool):
        return str(raw).lower()
    if isinstance(raw, float) and raw.is_integer():  # as tables with gaps store 4
        return str(int(raw))
    return str(raw).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSpace:
    """The closed set of answers of a data set; column ``i`` of every score table belongs to ``names[i]``.

    ``single``: one name per row. ``multi``: any number of names per row. ``ordinal``: one name per row, each with a
    numeric ``value``, in increasing order. ``real``: a number per row; ``names`` is then the one name of the quantity.
    """

    kind: LabelKind
    names: tuple[str, ...]
    words: tuple[str, ...]
    """What a generative model answers for each label (its verbaliser)."""
    descriptions: tuple[str, ...]
    """One line per label for prompts that explain the labels; empty strings where none are given."""
    values: tuple[float, ...] = ()
    """Ordinal only: the score that each label stands for, increasing."""

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            raise UserError(f"data.labels.names holds a name twice: {_repeated(self.names)}")
        if len(self.words) != len(self.names) or len(self.descriptions) != len(self.names):
            raise UserError("data.labels: words and descriptions need one entry per name")
        if len(set(self.words)) != len(self.words):
            raise UserError(f"data.labels.words: two labels share a word: {_repeated(self.words)}")
        if self.kind == "ordinal" and list(self.values) != sorted(set(self.values)):
            raise UserError(f"data.labels.values of an ordinal label set must increase, given {some_of(self.values)}")
        if self.kind == "ordinal" and len(self.values) != len(self.names):
            raise UserError("data.labels.values of an ordinal label set needs one number per name")
        if self.kind in ("single", "ordinal") and len(self.names) < 2:
            raise UserError(
                f"a {self.kind}-label data set needs at least two labels, found {some_of(self.names) or 'none'}"
            )

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Return the column of a label name.

        Raises:
            UserError: the name is not a label.
        """
        try:
            return self.names.index(name)
        except ValueError:
            raise UserError(f"{name!r} is not a label of this data set{near_names(name, self.names)}") from None

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary; ``from_dict`` reads it back."""
        return {
            "kind": self.kind,
            "names": list(self.names),
            "words": list(self.words),
            "descriptions": list(self.descriptions),
            "values": list(self.values),
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> LabelSpace:
        """Read what ``as_dict`` wrote."""
        return cls(
            kind=stored["kind"],
            names=tuple(stored["names"]),
            words=tuple(stored["words"]),
            descriptions=tuple(stored["descriptions"]),
            values=tuple(stored["values"]),
        )


def _repeated(names: tuple[str, ...]) -> str:
    counted = Counter(names)
    return some_of(name for name in counted if counted[name] > 1)
