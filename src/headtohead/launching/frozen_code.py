"""The code of a sweep, copied when its jobs are submitted: editing it while they queue changes nothing.

A copy is named by its contents and never changed, so that a requeued job starts from what it started from before, and
a sweep that goes on with edited code gets a second copy beside the first.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from headtohead import atomic
from headtohead.provenance import CONF, FROZEN_STATE, SOURCES, git_state

PLUGINS = SOURCES.parent / "hydra_plugins"


@dataclass(frozen=True, slots=True)
class FrozenCode:
    """Where a copy lies."""

    script: Path
    """Instead of ``run.py``."""
    sources: Path
    """For ``PYTHONPATH``, in front of everything installed."""


def freeze(script: Path, conf: Path, folder: Path) -> FrozenCode:
    """Copy the package, its plugins, the script and its configuration into ``folder/<hash>``, unless it is there.

    Args:
        conf: the configuration's folder; the copy of the package holds it as its own.
    """
    sources = Path("src")
    parts = {
        sources / SOURCES.name: SOURCES,
        sources / SOURCES.name / CONF.name: conf,
        **{sources / PLUGINS.name / own.name: own for own in sorted(PLUGINS.glob("headtohead_*"))},
    }
    copy = folder / _digest(parts, script)
    if not copy.exists():
        with atomic.new_folder(copy) as temporary:
            for place, original in parts.items():
                shutil.copytree(original, temporary / place, ignore=shutil.ignore_patterns("__pycache__", CONF.name))
            shutil.copy(script, temporary / script.name)
            (temporary / FROZEN_STATE.name).write_text(json.dumps(git_state()), encoding="utf-8")
    return FrozenCode(script=copy / script.name, sources=copy / sources)


def _digest(parts: dict[Path, Path], script: Path) -> str:
    digest = hashlib.sha256(script.read_bytes())
    for place, original in parts.items():
        for path in _files(original):
            digest.update(str(place / path.relative_to(original)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
