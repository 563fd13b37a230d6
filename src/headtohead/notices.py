"""Notices: what a person must know about a run, told on the terminal, kept in the record, and shown on the page."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

FIGURES = re.compile(r"[\d.,]*\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One sentence, and the line to type that mends it."""

    text: str
    command: str = ""
    """Overrides, or a whole command, that runs as printed; empty where there is nothing to type."""
    leads: bool = True
    """Whether it may change how the numbers are to be read: the page's finding then begins with it."""

    def __str__(self) -> str:
        """Return it as the terminal shows it."""
        word = "warning" if self.leads else "note"
        return f"{word}: {self.text}" + (f"\n    {self.command}" if self.command else "")

    @property
    def kind(self) -> str:
        """What it is about: its text without the figures, which another attempt or another run has otherwise."""
        return FIGURES.sub("#", self.text)

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary; ``from_dict`` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Notice:
        """Read what ``as_dict`` wrote."""
        return cls(text=stored["text"], command=stored.get("command", ""), leads=stored.get("leads", True))
