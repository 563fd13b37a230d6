"""Raw label values become columns of a label space. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, cast

from headtohead.config.data import LabelsConfig
from headtohead.data.columns.cells import FLAGS, bits, is_missing, listed, mapping, truth
from headtohead.data.columns.label_spelling import spelled, written_number
from headtohead.data.text import LeftOut, RowError
from headtohead.errors import UserError, near_names
from headtohead.grammar import typed_mapping
from headtohead.labels import LabelKind, LabelSpace, label_text

Answer = int | float | list[int]
MOST_PLACES = 50
"""Names in a line to type."""


@dataclass(frozen=True, kw_only=True)
class Writing:
    """How answers stand in the files of a data set: settled on the training file, and the same for every split."""

    kind: str
    names: list[str]
    """In the order of the model's outputs."""
    columns: list[str]
    """Of the files: one, or one per label."""
    map: dict[str, str]
    """Raw value, as the files write it -> name."""
    separator: str | None
    """Between the labels of a multi-label cell that is no list; null where each holds one."""
    is_vector: bool = False
    """Whether a cell is a list of zeros and ones, one for each name."""
    unlabelled: str = "bad"
    other: str | None = None
    """Name of the labels that are not in ``names``."""
    leaves_out: bool = False
    """Whether labels that are not in ``names`` are left out."""

    @cached_property
    def positions(self) -> dict[str, int]:
        """Name -> column."""
        return {name: position for position, name in enumerate(self.names)}

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary of what ``Writing`` takes."""
        return asdict(self)


def label_space(config: LabelsConfig, names: Sequence[str], rare: Sequence[str] = ()) -> LabelSpace:
    """Return the label space of a data set from its configuration and the names in force.

    Args:
        rare: labels of the files that are no names, because they have too few rows.
    """
    known = {*names, *rare}
    words, descriptions = (_by_name(key, getattr(config, key), names, known) for key in ("words", "descriptions"))
    for raw, name in config.map.items():
        if name not in known:
            raise UserError(f"data.labels.map sends {raw!r} to {name!r}, which is no label{near_names(name, names)}")
    return LabelSpace(
        kind=cast(LabelKind, config.kind),
        names=tuple(names),
        words=tuple(words.get(name, name) for name in names),
        descriptions=tuple(descriptions.get(name, "") for name in names),
        values=_values(config, names) if config.kind == "ordinal" else (),
    )


def names_in(cells: Sequence[Any], writing: Writing) -> list[str]:
    """Return the label names that the cells of a row stand for: one, or any number for multi-label data.

    Args:
        cells: one for each of ``writing.columns``; None where nothing is there.

    Raises:
        RowError: there is no label, or the cells cannot be read.
    """
    if len(writing.columns) == 1:
        return [writing.map.get(name, name) for name in _raw_names(cells[0], writing)]
    applying = _applying(cells, writing)
    return [writing.map.get(name, name) for name in applying]


def read_answer(cells: Sequence[Any], writing: Writing) -> Answer:
    """Return what is stored for a row's answer: a column, 0 or 1 per column (multi-label), or a number (real).

    Raises:
        RowError: no label, a label outside the map, or not a finite number.
        LeftOut: a label with too few rows, where those are left out.
    """
    if writing.kind == "real":
        return _number(cells[0])
    found = [_column(name, writing) for name in names_in(cells, writing)]
    present = [column for column in found if column is not None]
    if writing.kind == "multi":
        return [int(column in present) for column in range(len(writing.names))]
    if not present:
        raise LeftOut("label with too few rows")
    return present[0]


def _column(name: str, writing: Writing) -> int | None:
    known = writing.positions
    if name in known:
        return known[name]
    if writing.other is not None:
        return known[writing.other]
    if writing.leaves_out:
        return None
    hint = near_names(name, known) + _of_places(name, list(known))
    raise RowError("label outside the map", f"label {name!r} is not in data.labels{hint}")


def _of_places(name: str, names: Sequence[str]) -> str:
    """Return the line that reads numbers as places in the names, where a label is such a number."""
    if not name.isdecimal() or int(name) >= len(names) or len(names) > MOST_PLACES:
        return ""
    line = typed_mapping("data.labels.map", {str(place): label for place, label in enumerate(names)})
    return f". If numbers count the names from 0: {line}"


def _raw_names(value: Any, writing: Writing) -> list[str]:
    if writing.kind == "multi" and value is None and writing.unlabelled == "none":
        return []
    if is_missing(value):
        raise RowError("no label", f"there is no label{_NONE if writing.kind == 'multi' else ''}")
    if writing.kind == "ordinal":
        return [number_name(label_name(value))]
    if writing.kind == "single":
        return [label_name(value)]
    if writing.is_vector:
        return _of_positions(value, writing.names)
    found = listed(value)
    if found is None:
        if mapping(value) is not None:
            what = f"the label is a mapping, {str(value)[:40]!r}, whose values are not all of {', '.join(FLAGS)}"
            raise RowError("label is no text", what)
        text = label_name(value)
        found = text.split(writing.separator) if writing.separator else [text]
    return [name for name in map(label_name, found) if name]


_NONE = " (write [] for a row that none of the labels applies to, or set data.labels.unlabelled=none)"


def _of_positions(value: Any, names: Sequence[str]) -> list[str]:
    flags = bits(value)
    if flags is None or len(flags) != len(names):
        shown = f"{str(value)[:40]!r}"
        raise RowError("label outside the map", f"the label {shown} is not a 0 or 1 for each of {len(names)} names")
    return [name for name, flag in zip(names, flags, strict=True) if flag]


def _applying(cells: Sequence[Any], writing: Writing) -> list[str]:
    """Return the columns that say that their label applies; an empty cell says that it does not."""
    if all(value is None for value in cells) and writing.unlabelled == "bad":
        raise RowError("no label", "there is no label: all of its columns are empty")
    flags = [False if value is None else truth(value) for value in cells]
    for column, value, flag in zip(writing.columns, cells, flags, strict=True):
        if flag is None:
            raise RowError(
                "label is no 0 or 1", f"{column!r} holds {str(value)[:40]!r}, which is not {', '.join(FLAGS)}"
            )
    found = [column for column, flag in zip(writing.columns, flags, strict=True) if flag]
    if writing.kind != "multi" and len(found) != 1:
        several = f"{len(found)} labels apply ({', '.join(found)}); only data.labels.kind=multi takes several"
        raise RowError("not one label", several if found else "none of the labels applies")
    return found


def _number(raw: Any) -> float:
    try:
        value = float(raw)
    except (TypeError, ValueError):
        raise RowError("no label", f"the score {str(raw)[:40]!r} is not a number") from None
    if not math.isfinite(value):
        raise RowError("no label", f"the score {raw!r} is not finite")
    return value


def label_name(raw: Any) -> str:
    """Return a label as text; 4.0, as tables with gaps store 4, is '4', and True is 'true'.

    Raises:
        RowError: it is neither a text nor a finite number.
    """
    if isinstance(raw, list | dict | bytes):
        several = "; only data.labels.kind=multi takes several" if isinstance(raw, list) else ""
        raise RowError("label is no text", f"the label is a {type(raw).__name__}, {str(raw)[:40]!r}{several}")
    if raw is None or (isinstance(raw, float) and not math.isfinite(raw)):
        raise RowError("label is no text", f"the label {raw!r} is no text and no finite number")
    return label_text(raw)


def number_name(name: str) -> str:
    """Return 9.0 in a text file as 9; leave names that are no finite numbers."""
    return label_text(float(name)) if is_scale([name]) else name


def is_scale(names: Sequence[str]) -> bool:
    """Whether all names are finite numbers, so that their order is known."""
    return all(written_number(name) is not None for name in names)


def _by_name(key: str, given: dict[str, str], names: Sequence[str], known: set[str]) -> dict[str, str]:
    found = {}
    for name, value in given.items():
        alike = spelled(name, known, given)
        if len(alike) != 1:
            raise UserError(f"data.labels.{key} names {name!r}, which is no label{near_names(name, names)}")
        found[alike[0]] = value
    return found


def _values(config: LabelsConfig, names: Sequence[str]) -> tuple[float, ...]:
    if config.values:
        return tuple(config.values)
    if is_scale(names):
        return tuple(float(name) for name in names)
    return tuple(float(position) for position in range(len(names)))
