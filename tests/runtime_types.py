"""The run-time type checker behind jaxtyping's import hook: beartype, with int accepted as float as type checkers do."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from beartype import BeartypeConf, beartype
from beartype.roar import BeartypeDecorHintPep585DeprecationWarning

_check = beartype(conf=BeartypeConf(is_pep484_tower=True))


def check(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a function whose annotations are to hold."""
    with warnings.catch_warnings():
        # OmegaConf's DictConfig still inherits typing.MutableMapping; beartype says so of every signature that names it
        warnings.simplefilter("ignore", BeartypeDecorHintPep585DeprecationWarning)
        return _check(function)
