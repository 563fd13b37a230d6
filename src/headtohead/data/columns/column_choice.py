"""Columns that nobody named: the only candidates are taken, which is said; several are refused, with a line for each. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from headtohead.config.data import FieldsConfig
from headtohead.data.columns.own_columns import Columns, Fields
from headtohead.data.text import used_columns
from headtohead.errors import UserError, some_of
from headtohead.grammar import typed
from headtohead.notices import Notice

INPUTS = {"text": "the text", "messages": "chat messages", "turns": "turns by authors"}
MOST_LINES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """What a person's settings leave to the files."""

    input: bool
    """Which column is read, and whether it holds a text or a conversation."""
    label: bool
    kind: bool
    """Whether a row has one label or several."""

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Open:
        """Return what plain settings of the ``data`` group leave open."""
        fields = data["fields"]
        is_input = all(fields.get(key) is None for key in INPUTS)
        return cls(input=is_input, label=fields["label"] is None, kind=data["labels"]["kind"] == "auto")


def chosen(columns: Columns, fields: FieldsConfig, open_: Open, path: Path, taken: Sequence[str] = ()) -> Fields | None:
    """Return the settings of the only columns that may be meant; None where not even likely ones are there.

    Args:
        columns: of the first file.
        fields: as far as they are settled.
        open_: of them what is not.
        path: of that file.
        taken: columns that have another role already, such as the group's.

    Raises:
        UserError: several may be, or none has a usual name; has a line for each.
    """
    known = [*taken, *([] if open_.label else fields.label_columns)]
    inputs: list[Fields] = columns.inputs(known) if open_.input else [{}]
    read = used_columns(replace(fields, **inputs[0])) if len(inputs) == 1 else []
    labels: list[Fields] = columns.labels([*taken, *read]) if open_.label else [{}]
    if len(inputs) == len(labels) == 1:
        return {**inputs[0], **labels[0]}
    asked = inputs or columns.likely_inputs([*known, *(str(way["label"]) for way in labels if way)])
    read = read or (used_columns(replace(fields, **asked[0])) if asked else [])
    lines = _lines(
        [{}] if len(inputs) == 1 else _with_all(asked),
        [{}] if len(labels) == 1 else labels or columns.likely_labels([*taken, *read]),
    )
    if not lines:
        return None
    doubts = [_doubt(key, ways) for key, ways in (("text", inputs), ("label", labels)) if len(ways) != 1]
    what = "the line that is meant" if inputs and labels else "what is meant, such as"
    raise UserError(
        f"{path} has {' and '.join(doubts)}; its columns are {some_of(columns.values)}. Add {what}:{''.join(lines)}"
    )


def notice_of(taken: Fields, columns: Columns, several: str) -> Notice | None:
    """Return what was taken, with the line that says otherwise, or all of it; None where there is nothing to say.

    Args:
        taken: settings below ``data.fields`` that were found.
        several: by which the labels were found to be several in a row; empty where they were not.
    """
    said = [f"{taken[key]!r} is read as {INPUTS[key]}" for key in INPUTS if isinstance(taken.get(key), str)]
    said += [f"{name!r} is read as the text" for name in taken.get("text", [])]
    said += [f"{taken['label']!r} as the label"] if "label" in taken else []
    said += [f"{several}, so a row may have several (multi-label)"] if several else []
    if not said:
        return None
    titles = columns.titles(taken["text"][0]) if "text" in taken else []
    if titles:
        otherwise, line = f"To read {titles[0]!r} before it", typed("data.fields.text", [titles[0], *taken["text"]])
    else:
        otherwise, line = "The same in full, to be changed where another is meant", _typed(taken)
        line = " ".join(filter(None, [line, "data.labels.kind=multi" * bool(several)]))
    return Notice(text=f"{', '.join(said)}. {otherwise}:", command=line, leads=False)


def _with_all(ways: list[Fields]) -> list[Fields]:
    """Return the ways to read the input, and several texts one after the other as the last of them."""
    texts = [name for way in ways for name in way.get("text", [])]
    return [*ways, {"text": texts}] if len(texts) > 1 else ways


def _lines(inputs: Sequence[Fields], labels: Sequence[Fields]) -> list[str]:
    lines = [f"\n    {_typed({**way, **label})}" for way, label in product(inputs, labels)]
    more = len(lines) - MOST_LINES
    return lines if more <= 0 else [*lines[:MOST_LINES], f"\nor one of {more} more, each another pair of these columns"]


def _typed(fields: Fields) -> str:
    """Return settings below ``data.fields`` as a person types them."""
    one = {key: value[0] if key == "text" and len(value) == 1 else value for key, value in fields.items()}
    return " ".join(typed(f"data.fields.{key}", value) for key, value in one.items())


def _doubt(word: str, ways: Sequence[Fields]) -> str:
    names = [name for way in ways for key in (*INPUTS, "label") for name in _listed(way.get(key, []))]
    return f"no column {word!r}" + f" ({' and '.join(map(repr, names))} may each be it)" * bool(names)


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
