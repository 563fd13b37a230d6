"""Overrides as a person types them: values in the quotes that Hydra's grammar needs, and those that a shell needs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

PLAIN = re.compile(r"[A-Za-z0-9_./:@%+-]*[A-Za-z][A-Za-z0-9_./:@%+-]*")
"""A text that stands for itself in Hydra's grammar and in a shell, unless it is another type's word."""
OTHER_TYPES = re.compile(r"(null|true|false|yes|no|on|off|nan|[+-]?inf|[+-]?[\d_.]+e[+-]?\d+)", re.IGNORECASE)


def typed(key: str, value: str | Sequence[str]) -> str:
    """Return ``key=value`` for a text or a list of texts, ready to be pasted after ``python run.py``."""
    if isinstance(value, str):
        return shlex.quote(f"{key}={_literal(value)}")
    return shlex.quote(f"{key}=[{','.join(map(_literal, value))}]")


def _literal(value: str) -> str:
    if PLAIN.fullmatch(value) and not OTHER_TYPES.fullmatch(value):
        return value
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', value)
    escaped = re.sub(r"(\\+)$", r"\1\1", escaped)
    return f'"{escaped}"'
