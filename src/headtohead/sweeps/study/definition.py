"""What a study is about, kept beside it, so that it is never continued as something else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from headtohead import atomic
from headtohead.errors import UserError


def refuse_another(path: Path, now: Mapping[str, Any]) -> None:
    """Write what a study is about, or refuse to continue one about something else.

    Args:
        path: where it is kept.
        now: mappings, lists, and their names.

    Raises:
        UserError: with the difference.
    """
    if not path.exists():
        atomic.write_json(path, now)
        return
    then = json.loads(path.read_text(encoding="utf-8"))
    if then == now:
        return
    raise UserError(
        f"{path.parent} holds another sweep; its trials and new ones could not be compared:\n"
        + "\n".join(f"  {line}" for line in _differences(then, now))
        + "\nGo back to it, or give the new sweep a name: hydra.sweeper.study_name=<name>"
    )


def flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one from dotted keys to what is no mapping."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= (
            flattened(value, f"{prefix}{key}.") if isinstance(value, Mapping) and value else {f"{prefix}{key}": value}
        )
    return flat


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for part in now:
        before, after = then.get(part), now[part]
        if before == after:
            continue
        if part == "fixed":
            yield from (f"no longer given: {line}" for line in before or [] if line not in after)
            yield from (f"newly given: {line}" for line in after if line not in (before or []))
        elif isinstance(after, dict):
            for name in sorted({*(before or {}), *after}):
                old, new = (before or {}).get(name, "not there"), after.get(name, "not there")
                if old != new:
                    yield f"{name}: was {old}, is {new}"
        else:
            yield f"{part}: was {before}, is {after}"
