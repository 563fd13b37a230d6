"""Raw label values become columns of a label space. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

from headtohead.config.data import LabelsConfig
from headtohead.data.text import RowError
from headtohead.errors import UserError, near_names
from headtohead.labels import LabelKind, LabelSpace

Answer = int | float | list[int]


def label_space(config: LabelsConfig, names: Sequence[str]) -> LabelSpace:
    """Return the label space of a data set from its configuration and the names in force."""
    for key, mapping in (("words", config.words), ("descriptions", config.descriptions)):
        for name in mapping:
            if name not in names:
                raise UserError(f"data.labels.{key} names {name!r}, which is no label{near_names(name, names)}")
    for raw, name in config.map.items():
        if name not in names:
            raise UserError(f"data.labels.map sends {raw!r} to {name!r}, which is no label{near_names(name, names)}")
    return LabelSpace(
        kind=cast(LabelKind, config.kind),
        names=tuple(names),
        words=tuple(config.words.get(name, name) for name in names),
        descriptions=tuple(config.descriptions.get(name, "") for name in names),
        values=_values(config, names) if config.kind == "ordinal" else (),
    )


def raw_names(raw: Any, config: LabelsConfig) -> list[str]:
    """Return the label names a raw value stands for: one, or any number for multi-label data.

    Raises:
        RowError: there is no label.
    """
    if raw is None or (isinstance(raw, float) and math.isnan(raw)):  # how tables with gaps store none
        raise RowError("no label", "there is no label")
    if config.kind == "multi":
        parts = raw if isinstance(raw, list) else _name(raw).split(config.separator)
        return [config.map.get(name, name) for name in map(_name, parts) if name]
    name = _number_name(_name(raw)) if config.kind == "ordinal" else _name(raw)
    if not name:
        raise RowError("no label", "the label is empty")
    return [config.map.get(name, name)]


def read_answer(raw: Any, config: LabelsConfig, columns: dict[str, int]) -> Answer:
    """Return what is stored for a raw label: a column, 0 or 1 per column (multi-label), or a number (real).

    Args:
        raw: the value in the file.
        config: kind and map.
        columns: label name -> column.

    Raises:
        RowError: no label, a label outside the map, or not a finite number.
    """
    if config.kind == "real":
        return _number(raw)
    present = []
    for name in raw_names(raw, config):
        if name not in columns:
            raise RowError("label outside the map", f"label {name!r} is not in data.labels{near_names(name, columns)}")
        present.append(columns[name])
    if config.kind == "multi":
        return [int(column in present) for column in range(len(columns))]
    return present[0]


def _number(raw: Any) -> float:
    try:
        value = float(raw)
    except (TypeError, ValueError):
        raise RowError("no label", f"the score {str(raw)[:40]!r} is not a number") from None
    if not math.isfinite(value):
        raise RowError("no label", f"the score {raw!r} is not finite")
    return value


def _name(raw: Any) -> str:
    """Return a label as text; 4.0, as tables with gaps store 4, is '4', and True is 'true'.

    Raises:
        RowError: it is neither a text nor a finite number.
    """
    if isinstance(raw, list | dict | bytes):
        several = "; only data.labels.kind=multi takes several" if isinstance(raw, list) else ""
        raise RowError("label is no text", f"the label is a {type(raw).__name__}, {str(raw)[:40]!r}{several}")
    if raw is None or (isinstance(raw, float) and not math.isfinite(raw)):
        raise RowError("label is no text", f"the label {raw!r} is no text and no finite number")
    if isinstance(raw, bool):
        return str(raw).lower()
    if isinstance(raw, float) and raw.is_integer():
        return str(int(raw))
    return str(raw).strip()


def _number_name(name: str) -> str:
    """Return 9.0 in a text file as 9; leave names that are no whole numbers."""
    try:
        return _name(float(name))
    except ValueError:
        return name


def _values(config: LabelsConfig, names: Sequence[str]) -> tuple[float, ...]:
    if config.values:
        return tuple(config.values)
    try:
        return tuple(float(name) for name in names)
    except ValueError:
        return tuple(float(position) for position in range(len(names)))
