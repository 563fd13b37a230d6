"""How the answers of a data set are written, found by reading the label columns of its training file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from headtohead.config.data import DataConfig
from headtohead.data.columns.cells import cell
from headtohead.data.columns.label_layout import Layout, require_no_separator
from headtohead.data.columns.label_parsing import Writing, is_scale, names_in
from headtohead.data.columns.label_spelling import spelled, total_order, with_point
from headtohead.data.files.raw_row import Record
from headtohead.data.text import RowError
from headtohead.errors import UserError
from headtohead.grammar import assignment, in_shell, typed, typed_mapping

MOST_NAMES = 1000
MOST_RARE_NAMES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What the label columns hold."""

    writing: Writing
    layout: Layout
    rows: Counter[str]
    """Rows of each label before ``data.labels.map``, as the files write it."""
    rare: list[str]
    """Names with fewer rows than ``data.labels.min_rows``."""


def survey(records: Callable[[], Iterable[Record]], config: DataConfig) -> Survey:
    """Read the label columns of the training file twice: for how answers are written, and for what they are.

    Args:
        records: starts reading anew; the records hold at least the label columns.

    Raises:
        UserError: what is written can be read in several ways, or cannot be a label.
    """
    columns = config.fields.label_columns
    layout = Layout(config)
    if len(columns) == 1 and config.labels.kind != "real":
        for record in records():
            if not record.fault:
                layout.add(record.row_id, cell(record.values, columns[0], config.fields))
    writing = layout.writing()
    if config.labels.kind == "real":
        return Survey(writing=writing, layout=layout, rows=Counter(), rare=[])
    rows = Counter(columns) if len(columns) > 1 else _count(records(), config, replace(writing, map={}))
    if (
        writing.kind == "multi"
        and len(columns) == 1
        and not (config.labels.names or writing.separator or layout.several)
    ):
        require_no_separator(rows)
    writing = replace(writing, map=_as_written(config, rows))
    counts = _after_map(rows, writing)
    names = _names(config, counts, writing)
    if len(columns) > 1 and config.labels.min_rows:
        counts = _count(records(), config, writing)
    rare = [name for name in names if counts[name] < config.labels.min_rows]
    kept = [name for name in names if name not in rare]
    other = config.labels.other if rare else None
    if other is not None and other not in kept:
        kept.append(other)
    writing = replace(writing, names=kept, other=other, leaves_out=bool(rare) and other is None)
    return Survey(writing=writing, layout=layout, rows=rows, rare=rare)


def _count(records: Iterable[Record], config: DataConfig, writing: Writing) -> Counter[str]:
    """Return the rows of each label; rows that cannot be read are counted when the rows themselves are.

    Raises:
        UserError: so many labels that they can be none.
    """
    rows: Counter[str] = Counter()
    most = MOST_NAMES if not config.labels.min_rows else MOST_RARE_NAMES
    for record in records:
        try:
            found = names_in([cell(record.values, column, config.fields) for column in writing.columns], writing)
        except RowError:
            continue
        rows.update(name for name in set(found) if len(rows) <= most or name in rows)
        if len(rows) > most and not config.labels.names:
            raise UserError(
                f"{writing.columns[0]!r} holds more than {most} different values: is it the label? "
                "Set data.fields.label, or data.labels.kind=real for a score, or list data.labels.names"
            )
    return rows


def _as_written(config: DataConfig, rows: Counter[str]) -> dict[str, str]:
    """Return ``data.labels.map`` with its keys as the files write them.

    Raises:
        UserError: a key is read like several labels.
    """
    given = config.labels.map
    found = {}
    for raw, name in given.items():
        alike = spelled(raw, rows, given)
        _require_one("data.labels.map", raw, alike, {**given, **dict.fromkeys(alike, name)})
        found[alike[0] if alike else raw] = name
    return found


def _require_one(key: str, wanted: str, alike: Sequence[str], line: dict[str, str]) -> None:
    if len(alike) > 1:
        raise UserError(
            f"{key}: {wanted!r} may mean any of {list(alike)} in the files, which YAML reads alike. All of them: "
            f"{typed_mapping('data.labels.map', line)}"
        )


def _after_map(rows: Counter[str], writing: Writing) -> Counter[str]:
    counts: Counter[str] = Counter()
    for raw, count in rows.items():
        counts[writing.map.get(raw, raw)] += count
    return counts


def _names(config: DataConfig, counts: Counter[str], writing: Writing) -> list[str]:
    """Return the label names in force, before those with too few rows are taken out.

    Raises:
        UserError: an ordinal scale of words whose order nobody gave.
    """
    labels = config.labels
    found = list(counts) if len(writing.columns) > 1 else sorted(counts, key=total_order)
    if not labels.names:
        if labels.kind == "ordinal" and len(writing.columns) == 1:
            _require_order(found)
        return found
    names = []
    for wanted in labels.names:
        alike = spelled(wanted, counts, labels.names)
        _require_one("data.labels.names", wanted, alike, {**labels.map, **dict.fromkeys(alike, wanted)})
        names.append(alike[0] if alike else wanted)
    if len(writing.columns) > 1 and set(names) != set(found):
        raise UserError(
            f"data.labels.names {names} and the columns of data.fields.label {found} are not the same labels"
        )
    return names


def _first_with_comma(names: Sequence[str]) -> str:
    return next(name for name in names if "," in name)


def _require_order(found: Sequence[str]) -> None:
    if is_scale(found):
        return
    if is_scale([with_point(name) for name in found]):
        values = [float(with_point(name)) for name in found]
        line = in_shell(assignment("data.labels.names", found), assignment("data.labels.values", values))
        raise UserError(
            f"data.labels.kind=ordinal: if {_first_with_comma(found)!r} is a number with a decimal comma: {line}"
        )
    shown = ", ".join(found[:20]) + (", ..." if len(found) > 20 else "")
    numbered = {name: [Decimal(part) for part in re.findall(r"\d+(?:\.\d+)?", name)[:1]] for name in found}
    places = [first[0] for first in numbered.values() if first]
    ordered = sorted(found, key=lambda name: numbered[name])
    by_number = f". By their numbers: {typed('data.labels.names', ordered)}"
    raise UserError(
        f"data.labels.kind=ordinal: the order of these labels cannot be known: {shown}. Name them from the lowest to the "
        f"highest: data.labels.names=[<lowest>,...,<highest>]{by_number if len(set(places)) == len(found) <= 20 else ''}"
    )
