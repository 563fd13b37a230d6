"""Rows that cannot be used: counted, the first ones quoted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NoReturn

from headtohead.data.text import LeftOut, RowError
from headtohead.errors import UserError
from headtohead.notices import Notice

QUOTED = 5
ADVICE = "Mend the file, or set data.bad_rows=drop to leave such rows out (they are counted in the record)."
UNUSABLE = "No row can be used: mend the file, or say how it is to be read (data.fields, data.labels, data.dialect)."
MANY = 0.05
"""Share of the rows from which those that are left out lead the page."""


@dataclass(slots=True)
class Faults:
    """The bad rows of one split."""

    name: str
    read: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    left_out: int = 0
    """Rows among them that are left out as asked."""

    def add(self, row_id: str, fault: RowError) -> None:
        """Count a bad row."""
        self.kinds[fault.kind] += 1
        if isinstance(fault, LeftOut):
            self.left_out += 1
        elif len(self.examples) < QUOTED:
            self.examples.append(f"{row_id}: {fault}")

    def refuse_first(self) -> NoReturn:
        """Raise for the first bad row, before others are read.

        Raises:
            UserError: quotes it.
        """
        raise UserError(f"{self.name}: a row cannot be used:\n    {self.examples[0]}\n{ADVICE}")

    def refuse(self) -> None:
        """Raise if there is any, after all rows were read.

        Raises:
            UserError: quotes the first bad rows and says how many there are.
        """
        count = self.kinds.total() - self.left_out
        if not count:
            return
        quoted = "".join(f"\n    {example}" for example in self.examples)
        more = f"\n    ... and {count - len(self.examples):,} more" if count > len(self.examples) else ""
        advice = ADVICE if count < self.read else UNUSABLE
        raise UserError(f"{self.name}: {count:,} of {self.read:,} rows cannot be used:{quoted}{more}\n{advice}")

    def notices(self) -> list[Notice]:
        """Return how many rows are left out for their faults, and the first of them; many lead the page."""
        count = self.kinds.total() - self.left_out
        if not count:
            return []
        said = f"{self.name}: {count:,} of {self.read:,} rows are left out, the first {self.examples[0]}"
        return [Notice(text=said, leads=count > MANY * self.read)]

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready account."""
        return {"read": self.read, "dropped": self.kinds.total(), "kinds": dict(self.kinds), "examples": self.examples}
