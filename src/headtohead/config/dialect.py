"""How a format was written, where formats leave it open."""

from __future__ import annotations

from dataclasses import dataclass, field

from headtohead.errors import UserError, require_choice

AUTO = "auto"
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "none": ""}
QUOTINGS = ("standard", "backslash", "single", "none")
ORIENTATIONS = ("lines", "records", "columns", "index", "split", "table", "values")


@dataclass(kw_only=True, slots=True)
class DialectConfig:
    """How tables, JSON and folders of texts are written; auto is what the file itself says beyond doubt, else refused."""

    delimiter: str = AUTO
    """Between the fields of a line: comma, semicolon, tab, pipe, any one character, or none (a line is one field)."""
    quoting: str = AUTO
    """standard: a field may stand in double quotes, which are doubled inside it; backslash: they have a backslash before
    them instead; single: standard with single quotes; none: quotes are characters like any other."""
    header: str = AUTO
    """first_row names the columns, or none does: they are then ``columns``, or else column1, column2, ..."""
    columns: list[str] = field(default_factory=list)
    """Names of the columns, where the first row has none or others."""
    comment: str = AUTO
    """Lines that begin with this are skipped; none skips none, auto those with # before the header."""
    decimal: str = AUTO
    """Of scores and ratings: point, or comma ('3,5')."""
    orientation: str = AUTO
    """Of JSON, in pandas' words: lines, records, columns, index, split, table, values."""
    rows_at: str = ""
    """Dotted path to the rows inside a JSON document, such as data.items."""
    endings: list[str] = field(default_factory=list)
    """Of the text files in a folder per label, such as [.txt, .md]; empty takes .txt and files without an ending where there
    are several kinds."""

    def __post_init__(self) -> None:
        if self.delimiter not in (AUTO, *DELIMITERS) and len(self.delimiter) != 1:
            raise UserError(
                f"data.dialect.delimiter is one character or {', '.join(DELIMITERS)} or auto, given {self.delimiter!r}"
            )
        require_choice("data.dialect.quoting", self.quoting, (AUTO, *QUOTINGS))
        require_choice("data.dialect.header", self.header, (AUTO, "first_row", "none"))
        require_choice("data.dialect.decimal", self.decimal, (AUTO, "point", "comma"))
        require_choice("data.dialect.orientation", self.orientation, (AUTO, *ORIENTATIONS))
        if not self.comment:
            raise UserError("data.dialect.comment is what lines to skip begin with, none or auto; given an empty text")
        if len(set(self.columns)) != len(self.columns):
            raise UserError(f"data.dialect.columns names a column twice: {self.columns}")
