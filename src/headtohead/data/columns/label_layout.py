"""How several labels stand in one cell: recognised where certain, refused with two rows where not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headtohead.config.data import DataConfig
from headtohead.data.columns.cells import bits, listed
from headtohead.data.columns.label_parsing import Writing
from headtohead.data.columns.label_spelling import written_number
from headtohead.errors import UserError
from headtohead.grammar import typed

SEPARATORS = (",", ";", "|", "\t", "\n", "\uff0c", "\u3001", "\uff1b", "\u060c")
"""Looked for in cells that hold no list; the last four are the commas and the semicolon of Chinese, Japanese and Arabic."""
DOUBTFUL = ("/", "+", "&", " ")
"""May separate labels, and may stand in one."""
COMMA = ","


@dataclass(slots=True)
class Seen:
    """Cells of one form, and the first two that differ."""

    cells: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, row_id: str, value: Any) -> None:
        """Count a cell."""
        self.cells += 1
        shown = repr(value if len(str(value)) < 80 else str(value)[:80])
        if len(self.examples) < 2 and not any(example.endswith(f": {shown}") for example in self.examples):
            self.examples.append(f"{row_id}: {shown}")


class Layout:
    """The forms of the cells of a label column.

    Args:
        config: kind, separator and names decide what is looked for.
    """

    def __init__(self, config: DataConfig) -> None:
        self._config = config
        self.filled = self.missing = self.empty = self.several = self._repeating = 0
        self.plain, self.lists, self.vectors, self.numbers = Seen(), Seen(), Seen(), Seen()
        self.separated = {separator: Seen() for separator in SEPARATORS}
        self._widths: dict[int, str] = {}
        self._lengths: set[int] = set()
        self._are_amounts = False

    def add(self, row_id: str, value: Any) -> None:
        """Look at one cell; None is a missing one."""
        if value is None:
            self.missing += 1
            return
        self.filled += 1
        flags, found = bits(value), listed(value)
        if flags is not None:
            self.vectors.add(row_id, value)
            self._widths.setdefault(len(flags), f"{row_id}: {value!r}")
            self._repeating += len(flags) > len(set(flags))
        if found is not None:
            self.empty += not found
            if found:
                self.lists.add(row_id, value)
            self._look_for_numbers(row_id, value, found, is_flags=flags is not None)
            self.several += len(found) > 1
            return
        self.plain.add(row_id, value)
        for separator, seen in self.separated.items():
            if separator in str(value).strip():
                seen.add(row_id, value)

    def _look_for_numbers(self, row_id: str, value: Any, found: list[Any], *, is_flags: bool) -> None:
        numbers = [written_number(str(element)) for element in found]
        known = [number for number in numbers if number is not None]
        if found:
            self._lengths.add(len(found))
        if known and len(known) == len(found) and not is_flags:
            self.numbers.add(row_id, value)
            self._are_amounts |= any(number % 1 for number in known) or len(set(known)) < len(known)

    def _require_flags(self) -> None:
        """Refuse counts and probabilities: lists of one length with fractions or a number twice, as no labels are."""
        are_numbers = self.numbers.cells + self.vectors.cells == self.lists.cells
        are_positions = len(self._lengths) == 1 and max(self._lengths) > 1
        if (
            are_numbers
            and are_positions
            and (self._are_amounts or self._repeating)
            and self.numbers.cells >= self.vectors.cells
        ):
            what = "the label cells are numbers for positions, and not all of them are 0 or 1"
            raise UserError(_refused(what, self.numbers.examples, "Write 0 or 1 for each label, or the labels' names"))

    def writing(self) -> Writing:
        """Return how the cells are to be read, names and map aside.

        Raises:
            UserError: zeros and ones without names, lists beside separated texts, several separators.
        """
        labels, columns = self._config.labels, self._config.fields.label_columns
        is_multi = labels.kind == "multi" and len(columns) == 1
        is_vector = is_multi and self._is_vector()
        return Writing(
            kind=labels.kind,
            names=columns if labels.kind == "real" and not labels.names else list(labels.names),
            columns=columns,
            map=dict(labels.map),
            separator=labels.separator or (self.separator() if is_multi and not is_vector else None),
            is_vector=is_vector,
            unlabelled=labels.unlabelled,
        )

    def separator(self) -> str | None:
        """Return what stands between labels in the cells that are no lists; None where each holds one.

        Raises:
            UserError: it cannot be told.
        """
        found = [separator for separator, seen in self.separated.items() if seen.cells]
        if not found:
            return None
        if self.lists.cells:
            rows = self.lists.examples[:1] + self.separated[found[0]].examples[:1]
            what = "some label cells are lists, and others hold several labels without being one"
            line = typed("data.labels.separator", found[0])
            raise UserError(_refused(what, rows, f"Where those are separated: {line}"))
        if len(found) > 1:
            rows = [example for separator in found[:2] for example in self.separated[separator].examples]
            rows = list(dict.fromkeys(rows))[:2]
            lines = " or ".join(typed("data.labels.separator", separator) for separator in found)
            raise UserError(_refused("what separates the labels of a cell cannot be told", rows, f"Set {lines}"))
        return found[0]

    def _is_vector(self) -> bool:
        """Whether cells are zeros and ones for positions, which then need names.

        So they are if all can be, or if one of them repeats a value, as no list of labels does.
        """
        names = self._config.labels.names
        self._require_flags()
        are_all = self.filled > self.empty and self.vectors.cells == self.filled - self.empty
        if not (are_all or self._repeating) or {"0", "1"} & set(names):
            return False
        widths = sorted(self._widths)
        if len(widths) > 1:
            if widths[-1] <= 2:  # [0], [1] and [0, 1] are lists of the labels 0 and 1
                return False
            rows = [self._widths[width] for width in widths[:2]]
            raise UserError(
                _refused("the label cells are zeros and ones, but not for as many positions", rows, "Mend them")
            )
        if len(names) != widths[0]:
            line = typed("data.labels.names", [f"label_{place}" for place in range(1, widths[0] + 1)])
            has = f"data.labels.names has {len(names)}" if names else "which have no names"
            what = f"the label cells are zeros and ones for {widths[0]} positions, {has}"
            raise UserError(_refused(what, self.vectors.examples, f"Name them in their order, such as {line}"))
        return True


def require_no_separator(rows: Mapping[str, int]) -> None:
    """Refuse labels that look like several in one cell, where no cell holds several otherwise.

    Args:
        rows: rows of each label of multi-label data whose cells were read as one label each.

    Raises:
        UserError: their parts are those of other labels too.
    """
    for separator in DOUBTFUL:
        joined = [label for label in rows if separator in label]
        if joined and parts_recur(rows, separator):
            line = typed("data.labels.separator", separator)
            what = f"{separator!r} may separate the labels of a cell or stand in a label"
            advice = f"If it separates them: {line}; if each cell is one label: data.labels.kind=single"
            raise UserError(_refused(what, [repr(label[:80]) for label in joined[:2]], advice))


def parts_recur(rows: Iterable[str], separator: str) -> bool:
    """Whether parts of some cells are parts of others too, as labels are."""
    parts = Counter(part.strip() for cell in rows for part in {*cell.split(separator)})
    return 2 * sum(parts.values()) >= 3 * len(parts)


def _refused(what: str, rows: list[str], advice: str) -> str:
    return f"data.labels.kind=multi: {what}:" + "".join(f"\n    {row}" for row in rows) + f"\n{advice}"
