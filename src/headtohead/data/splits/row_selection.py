"""Rows of a table that belong together: a split, before and after rows are taken out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Int, Num, UInt64

from headtohead.data.table import Table

if TYPE_CHECKING:
    import datasets


@dataclass(frozen=True, slots=True)
class Part:
    """A table and the numbers of the rows that are in the part, in their order."""

    table: Table
    rows: Int[np.ndarray, " rows"]

    @classmethod
    def whole(cls, table: Table) -> Part:
        """Return all rows of a table."""
        return cls(table, np.arange(len(table.rows)))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def text(self) -> UInt64[np.ndarray, " rows"]:
        return np.asarray(self.table.text[self.rows])

    @property
    def group(self) -> UInt64[np.ndarray, " rows"]:
        return np.asarray(self.table.group[self.rows])

    @property
    def content(self) -> UInt64[np.ndarray, " rows"]:
        return np.asarray(self.table.content[self.rows])

    @property
    def labels(self) -> Num[np.ndarray, "rows ..."]:
        return np.asarray(self.table.labels[self.rows])

    def take(self, chosen: Int[np.ndarray, " chosen"] | Bool[np.ndarray, " rows"]) -> Part:
        """Return a part of this part, by positions in it or by a mask."""
        return Part(self.table, self.rows[chosen])

    def label(self, position: int) -> Any:
        """Return the label of the row at a position."""
        return self.table.labels[self.rows[position]]

    def row_id(self, position: int) -> str:
        """Return the id of the row at a position."""
        return str(self._row(position)["row_id"])

    def text_at(self, position: int) -> str:
        """Return the text of the row at a position."""
        return str(self._row(position)["text"])

    def texts(self, first: int) -> list[str]:
        """Return the texts of the first rows."""
        texts: list[str] = self.take(np.arange(len(self))[:first]).dataset()["text"][:]
        return texts

    def dataset(self) -> datasets.Dataset:
        """Return the rows as a memory-mapped data set."""
        return self.table.rows.select(self.rows)

    def _row(self, position: int) -> dict[str, Any]:
        return dict(self.table.rows[int(self.rows[position])])
