"""Which delimiter a table has and what its columns are called: the two are found together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

from headtohead.config.dialect import AUTO, DELIMITERS
from headtohead.data.files.input_file import InputFile
from headtohead.data.formats.delimited import Layout
from headtohead.data.formats.option import Option
from headtohead.data.formats.refusals import is_row, refuse_missing, shown
from headtohead.errors import UserError


def with_columns(file: InputFile, head: list[str], layouts: Sequence[Layout]) -> Layout:
    """Return the layout under which the wanted columns are there, with the names of its columns and its first row.

    Args:
        file: whose settings count.
        head: its first lines.
        layouts: one per possible delimiter, the usual one first.

    Raises:
        UserError: no delimiter gives the columns, or the file has no header.
    """
    asked = file.how.dialect
    options = [Option(layout, head) for layout in layouts]
    if not options[0].rows:
        raise UserError(f"{file.path} is empty")
    if asked.header == "none" or (
        asked.columns and asked.header == AUTO and not _repeats_names(options, asked.columns)
    ):
        return _without_header(file, options)
    if asked.columns:
        return _renamed(file, options)
    if not file.columns:
        return _as_it_stands(file, options)
    fitting = [option for option in options if set(file.columns) <= set(option.names)]
    fitting = fitting or [option for option in options if asked.header == AUTO and option.skip_titles(file.columns)]
    if not fitting:
        best = max(options, key=lambda option: (option.share(option.width), option.width))
        refuse_missing(file, best.rows)
    chosen = fitting[0]
    _say_delimiter(file, chosen, options)
    if chosen.titles:
        file.say(f"lines before the header are skipped ({chosen.titles})", "data.dialect.header=first_row")
    return chosen.named(file, chosen.names)


def _as_it_stands(file: InputFile, options: list[Option]) -> Layout:
    """Return the layout whose rows are widest alike, where no column is known; its first row of several fields is the header.

    Raises:
        UserError: that row is no header.
    """
    if all(option.width < 2 for option in options):
        options = [option for option in options if option.skip_titles([])] or options
    best = max(options, key=lambda option: (option.width > 1, option.share(option.width), option.width))
    if is_row(best.rows):
        raise UserError(f"{file.path} has no header: its first row is {shown(best.rows[0])}")
    return best.named(file, best.names)


def _repeats_names(options: list[Option], columns: list[str]) -> bool:
    return any(sorted(option.names) == sorted(columns) for option in options)


def _without_header(file: InputFile, options: list[Option]) -> Layout:
    """Return the layout of a table whose first row is a row; its columns have given names, or column1, column2, ..."""
    given = file.how.dialect.columns
    if len(given) == 1 and options[0].share(1) < 1:
        file.say("a line is one field, as there is one column", "data.dialect.delimiter=none")
        return replace(options[0].layout, delimiter="", columns=tuple(given))
    wide = options[:1] if len(given) == 1 else [option for option in options if len(options) == 1 or option.width >= 2]
    shares = [option.share(len(given) or option.width) for option in wide]
    best = max(shares, default=0)
    fitting = [option for option, share in zip(wide, shares, strict=True) if share == best > 0.5]
    if len(fitting) > 1:
        _refuse_several(file, fitting)
    if not fitting:
        raise UserError(
            f"{file.path}: no delimiter gives rows of {len(given) or 'two or more'} fields, the first is "
            f"{shown(options[0].rows[0])}; set data.dialect.delimiter (comma, semicolon, tab, pipe, or the character) "
            "and data.dialect.columns"
        )
    chosen = fitting[0]
    names = given or [f"column{place + 1}" for place in range(chosen.width)]
    file.require_columns(names)
    _say_delimiter(file, chosen, options)
    return replace(chosen.layout, columns=tuple(names))


def _renamed(file: InputFile, options: list[Option]) -> Layout:
    """Return the layout of a table whose first row has other names than the given ones, or lacks that of row names."""
    names = file.how.dialect.columns
    fitting = [option for option in options if len((option.rows[1:2] or option.rows)[0].fields) == len(names)]
    if not fitting:
        raise UserError(
            f"{file.path}: data.dialect.columns has {len(names)} names, the first row is {shown(options[0].rows[0])}"
        )
    if len(fitting) > 1 and len(names) > 1:
        _refuse_several(file, fitting)
    file.require_columns(names)
    _say_delimiter(file, fitting[0], options)
    return fitting[0].named(file, names)


def _refuse_several(file: InputFile, fitting: list[Option]) -> NoReturn:
    first, second = (_word(option.layout.delimiter) for option in fitting[:2])
    raise UserError(
        f"{file.path}: the rows have as many fields with the {first} as with the {second}, the first with the {first} is "
        f"{shown(fitting[0].rows[0])}. Set data.dialect.delimiter={first} or data.dialect.delimiter={second}"
    )


def _say_delimiter(file: InputFile, chosen: Option, options: list[Option]) -> None:
    if chosen is not options[0]:
        name, usual = _word(chosen.layout.delimiter), _word(options[0].layout.delimiter)
        file.say(f"the delimiter is the {name}, not the {usual}", f"data.dialect.delimiter={name}")


def _word(delimiter: str) -> str:
    return next(name for name, character in DELIMITERS.items() if character == delimiter)
