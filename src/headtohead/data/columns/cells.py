"""One cell of a table: whether it holds anything, and the list it holds, however that is written. Pure."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from headtohead.config.data import FieldsConfig

BRACKETS = {"[": "]", "{": "}", "(": ")"}
WRAPPER = re.compile(r"(?:\w+\.)*\w+\((.*?)(?:,\s*dtype=[^)]*)?\)", re.DOTALL)
"""What Python prints around a list or one of its elements: array([...], dtype=object), frozenset({...}), np.str_('a')."""
SCALAR = re.compile(r"np\.\w+\(([^()]*)\)")
QUOTED = r"""[ub]?(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
ELEMENT = re.compile(rf"\s*({QUOTED}|[^,]*?)\s*(,|$|(?<=['\"])\s*(?=[ub]?['\"]))", re.DOTALL)
NOTHING = ("", "None", "nan", "NaN", "null", "NULL", "<NA>")
FLAGS = {"0": False, "1": True, "true": True, "false": False, "yes": True, "no": False, "on": True, "off": False} | {
    "t": True,
    "f": False,
    "y": True,
    "n": False,
    "x": True,
}
"""Whether a label applies, in the words of its own column or of a mapping."""
BITS = re.compile(r"[01](?:\.0*)?(?:[\s,;|]+[01](?:\.0*)?)+|[01]{2,}")


def is_missing(value: Any, words: list[str] | tuple[str, ...] = ()) -> bool:
    """Whether a cell holds nothing: null, NaN, a text of white space alone or one of ``words``; the same in all formats."""
    if isinstance(value, str):
        return not value.strip() or value.strip() in words
    return value is None or (isinstance(value, float) and math.isnan(value))


def cell(record: Mapping[str, Any], column: str, fields: FieldsConfig) -> Any:
    """Return what a record holds in a column; None where that is missing."""
    value = record.get(column)
    return None if is_missing(value, fields.missing) else value


def listed(value: Any) -> list[Any] | None:
    """Return the list that a cell holds, as it is or as JSON, Python, pandas, numpy or Postgres write it; else None.

    A mapping of labels to 0 or 1 is the list of those that apply; one to anything else is no list. A single element in
    round brackets is no list: (none) is a label, ('none',) a list of one.
    """
    if isinstance(value, list):
        return value
    if (marked := mapping(value)) is not None:
        applies = {name: truth(flag) for name, flag in marked.items()}
        return None if None in applies.values() else [name for name, flag in applies.items() if flag]
    text = value.strip() if isinstance(value, str) else ""
    if wrapped := WRAPPER.fullmatch(text):
        text = wrapped.group(1).strip() or "[]"
    is_bracketed = text[:1] in BRACKETS and text[-1] == BRACKETS[text[0]]
    if not is_bracketed and not re.fullmatch(rf"{QUOTED}(?:\s*,\s*{QUOTED})*", text):
        return None
    if text[0] == "(" and "," not in text:
        return None if text != "()" else []
    return _json_list(text) if text[0] == "[" and _json_list(text) is not None else _elements(text, is_bracketed)


def is_written_list(value: Any) -> bool:
    """Whether a cell is a list, or a text that is written as one, in brackets."""
    is_bracketed = not isinstance(value, str) or value.strip()[-1:] in (*BRACKETS.values(),)
    return is_bracketed and listed(value) is not None


def is_list_for_sure(value: Any) -> bool:
    """Whether such a cell can be nothing else: [spam] and {spam} may be labels in brackets, ['spam'] and [3, 4] are lists."""
    return not isinstance(value, str) or bool(re.search(r"""['",]""", value))


def bits(value: Any) -> list[int] | None:
    """Return a list of zeros and ones that a cell holds, as a list or as a text such as '1 0 0' or '010'; else None."""
    found = listed(value)
    if found is None and isinstance(value, str) and BITS.fullmatch(value.strip()):
        text = value.strip()
        found = re.split(r"[\s,;|]+", text) if re.search(r"[^01]", text) else list(text)
    flags = [_bit(element) for element in found or []]
    return [flag for flag in flags if flag is not None] if flags and None not in flags else None


def truth(value: Any) -> bool | None:
    """Return whether a cell of a label's own column says that the label applies; None for neither."""
    text = str(value).strip().lower()
    return FLAGS.get(text.removesuffix(".0"))


def mapping(value: Any) -> dict[str, Any] | None:
    """Return the mapping that a cell holds, as it is or as JSON or Python write it; else None."""
    if isinstance(value, dict):
        return value
    text = value.strip() if isinstance(value, str) else ""
    if text[:1] != "{" or text[-1:] != "}" or ":" not in text:
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        return {str(key): item for key, item in found.items()} if isinstance(found, dict) else None
    return None


def _bit(element: Any) -> int | None:
    return {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "0.": 0, "1.": 1, "False": 0, "True": 1}.get(str(element).strip())


def _json_list(text: str) -> list[Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def _elements(text: str, is_bracketed: bool) -> list[Any] | None:
    inner = SCALAR.sub(r"\1", text[1:-1] if is_bracketed else text).strip()
    if re.fullmatch(r"[-+.\d\s]+", inner):  # numpy puts no commas
        return inner.split()
    if inner and inner[-1] == ",":
        inner = inner[:-1]
    found: list[Any] = []
    place = 0
    while place < len(inner):
        element = ELEMENT.match(inner, place)
        if element is None:
            return None
        found.append(_element(element.group(1)))
        place = max(element.end(), place + 1)
    return found


def _element(token: str) -> Any:
    if token in NOTHING:
        return None
    if not re.fullmatch(QUOTED, token, re.DOTALL):
        return token
    try:
        return json.loads(token) if token[0] == '"' else ast.literal_eval(token)
    except (ValueError, SyntaxError):
        return token[1:-1]
