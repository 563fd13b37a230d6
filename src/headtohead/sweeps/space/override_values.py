"""Values as Hydra overrides that come back exactly, whatever text they hold."""

from __future__ import annotations

import json
import re
from typing import Any

from headtohead.grammar import assignment as assignment
from headtohead.grammar import in_grammar as in_grammar


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
