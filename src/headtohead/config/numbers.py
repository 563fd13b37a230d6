"""What no number of a configuration may be, whatever its key: one check for every group, sweeper and launcher."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

from headtohead.errors import UserError

LARGEST_SEED = 2**32 - 1
"""scikit-learn takes no larger one, and every library of a run is given the same."""
LARGEST_INTEGER = 2**63 - 1
"""numpy and torch hold no larger one."""


def require_numbers(value: Any, path: str) -> None:
    """Refuse numbers that are not finite, integers that no library holds, and seeds that some library does not take.

    Args:
        value: plain values, nested as they are.
        path: dotted key of ``value``, which the message continues.

    Raises:
        UserError: there is one; it names the dotted key.
    """
    match value:
        case Mapping():
            for key, item in value.items():
                require_numbers(item, f"{path}.{key}" if path else str(key))
        case list() | tuple():
            for number, item in enumerate(value):
                require_numbers(item, f"{path}[{number}]")
        case int() | float() if not isinstance(value, bool):
            _require_number(value, path)


def _require_number(value: float, path: str) -> None:
    is_whole = isinstance(value, int)
    if path.rpartition(".")[2] == "seed" and is_whole and not 0 <= value <= LARGEST_SEED:
        raise UserError(f"{path} must be a whole number from 0 to {LARGEST_SEED}, given {_shown(int(value))}")
    if not is_whole and not math.isfinite(value):
        raise UserError(f"{path} must be a finite number, given {value}")
    if is_whole and abs(value) > LARGEST_INTEGER:
        raise UserError(f"{path} must lie within \N{PLUS-MINUS SIGN}{LARGEST_INTEGER}, given {_shown(int(value))}")


def _shown(value: int) -> str:
    """Return a whole number of any size; Python refuses to print very long ones."""
    if abs(value) < sys.maxsize**2:
        return str(value)
    return f"one of {value.bit_length()} binary digits"
