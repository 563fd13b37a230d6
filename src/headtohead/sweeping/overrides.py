"""Values as Hydra overrides that come back exactly, whatever text they hold."""

from __future__ import annotations

import json
import re
from typing import Any

from hydra.core.override_parser.types import Quote, QuotedString

from headtohead.errors import UserError

PLAIN = re.compile(r"[A-Za-z_][\w./-]*", re.ASCII)
"""Text that reads better without quotes and cannot be mistaken for anything else."""
WORDS_OF_THE_GRAMMAR = {"true", "false", "null", "nan", "inf"}


def assignment(key: str, value: Any) -> str:
    """Return ``key=value`` for a job's command line.

    Args:
        key: dotted key or group, with ``+`` in front where the key is new.
        value: None, bool, int, float, str, or lists and dicts of these. Text is taken as the override grammar gave it:
            ``${...}`` stays an interpolation, ``\\${`` a literal.
    """
    return f"{key}={in_grammar(value)}"


def in_grammar(value: Any) -> str:
    """Return a value in Hydra's override grammar (hydra.cc/docs/advanced/override_grammar/basic)."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _text(value)
        case list() | tuple():
            return "[" + ",".join(in_grammar(item) for item in value) + "]"
        case dict():
            return "{" + ",".join(f"{_key(key)}:{in_grammar(item)}" for key, item in value.items()) + "}"
        case _:
            raise TypeError(f"{value!r} has no form in Hydra's override grammar")


def _key(key: object) -> str:
    """The grammar quotes no keys, so that not every text can be one."""
    if not PLAIN.fullmatch(str(key)):
        raise UserError(f"{key!r} cannot be a key in an override: use letters, digits, '_', '.', '/' and '-'")
    return str(key)


def _text(value: str) -> str:
    if PLAIN.fullmatch(value) and value.lower() not in WORDS_OF_THE_GRAMMAR:
        return value
    return QuotedString(text=value, quote=Quote.single).with_quotes()


def literal(value: Any) -> Any:
    """Return a value whose texts mean themselves, with ``${`` escaped where OmegaConf would interpolate."""
    match value:
        case str():
            return re.sub(r"(\\*)\$\{", lambda found: found.group(1) * 2 + r"\${", value)
        case list() | tuple():
            return [literal(item) for item in value]
        case dict():
            return {key: literal(item) for key, item in value.items()}
        case _:
            return value


def label(value: Any) -> bool | int | float | str | None:
    """Return what stands for a value in a study: itself, or JSON where a storage takes no lists and mappings."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
