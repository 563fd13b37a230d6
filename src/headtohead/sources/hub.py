"""Models and data on the Hugging Face hub."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import filter_repo_objects

from headtohead import atomic
from headtohead.config.source import SourceConfig
from headtohead.errors import UserError
from headtohead.sources.blobs import require_named_content
from headtohead.sources.cache import locked
from headtohead.sources.content import MODEL_PATTERNS
from headtohead.sources.fetched import Fetched, from_a_folder, kind_of
from headtohead.sources.local import near_files

log = logging.getLogger(__name__)
logging.getLogger("httpx").setLevel(logging.WARNING)  # the library's client tells every request

DATA_PATTERNS = ("*.parquet", "*.jsonl", "*.json", "*.csv", "*.tsv", "*.tab", "*.txt")
# HTTPError of whichever HTTP client this version of huggingface_hub is built on: the parent of its transport errors.
HTTP_ERROR = cast(type[Exception], next(base for base in HfHubHTTPError.__mro__ if base.__name__ == "HTTPError"))
UNREACHABLE = (HTTP_ERROR, OSError)
FROM_WHEELS = {"model": "model=minilm_l6, model=smollm2_135m", "data": "data=bbc_news, data=newsgroups20"}
OWN_CACHE_VARIABLES = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME")


def from_hub(source: SourceConfig, cache: Path, setting: str, patterns: Sequence[str]) -> Fetched:
    """Return a snapshot of a repository, from the cache where the hub cannot be reached.

    A note beside the cache says which commit was asked for and whether all of it arrived, so that half a snapshot is
    never taken for the whole.

    Raises:
        UserError: not cached and not to be had; no such repository, revision or file; gated.
    """
    if not patterns:
        patterns = MODEL_PATTERNS if kind_of(setting) == "model" else DATA_PATTERNS
        patterns = [f"{source.inside}/{pattern}" for pattern in patterns] if source.inside else patterns
    identity = json.dumps([kind_of(setting), source.name, source.revision, list(patterns)])
    key = hashlib.sha256(identity.encode()).hexdigest()[:16]
    note = cache / "hub" / "notes" / f"{key}.json"
    with locked(cache, f"hub-{key}"):
        atomic.settle(note)
        try:
            snapshot = _download(source, cache, setting, patterns, note)
        except (HFValidationError, GatedRepoError, RepositoryNotFoundError) as error:
            raise UserError(_refused(source, setting, error)) from None
        except UNREACHABLE as error:
            found = _cached(source, cache, setting, patterns, note)
            if found is None:
                raise UserError(_not_to_be_had(source, cache, setting, error)) from None
            log.warning("the hub cannot be reached (%s): using the cached %s", _first_line(error), source.name)
            snapshot = found
    path = snapshot / source.inside if source.inside else snapshot
    if not path.exists():
        raise UserError(
            f"{kind_of(setting)} {source.name} (commit {snapshot.name[:12]}) has no {source.inside!r}{near_files(path)}"
        )
    return Fetched(path=path, kind="hub", name=source.name, revision=snapshot.name, sha256=None)


def _download(source: SourceConfig, cache: Path, setting: str, patterns: Sequence[str], note: Path) -> Path:
    """Return the folder of a snapshot that holds every file of the repository that was asked for."""
    api = HfApi()
    about = api.model_info if kind_of(setting) == "model" else api.dataset_info
    info = about(source.name, revision=source.revision, timeout=30)
    present = [sibling.rfilename for sibling in info.siblings or []]
    wanted = list(filter_repo_objects(present, allow_patterns=list(patterns)))
    if not wanted:
        listed = ", ".join(present[:12]) or "no files at all"
        raise UserError(
            f"{kind_of(setting)} {source.name} on the hub has none of {', '.join(patterns[:6])} ...; it has {listed}"
        )
    done = {"name": source.name, "commit": info.sha, "complete": True}
    is_known = note.exists() and json.loads(note.read_text(encoding="utf-8")) == done
    if not is_known:
        atomic.write_json(note, done | {"complete": False})
    folder = Path(
        snapshot_download(
            source.name,
            repo_type=_repo_type(setting),
            revision=info.sha,
            cache_dir=_cache_dir(cache),
            allow_patterns=list(patterns),
        )
    )
    missing = [name for name in wanted if not (folder / name).exists()]
    if missing:  # snapshot_download falls back to what is cached when the connection drops in between
        raise ConnectionError(f"the connection was lost before {missing[0]} arrived")
    if not is_known:  # once: hashing the weights of 8 billion parameters takes the better part of a minute
        require_named_content(folder, wanted)
        atomic.write_json(note, done)
    return folder


def _cached(source: SourceConfig, cache: Path, setting: str, patterns: Sequence[str], note: Path) -> Path | None:
    """Return the snapshot of our last download if it was complete; without a note, one that others have fetched."""
    revision = source.revision
    if note.exists():
        last = json.loads(note.read_text(encoding="utf-8"))
        if not last["complete"]:
            return None
        revision = last["commit"]
    try:
        return Path(
            snapshot_download(
                source.name,
                repo_type=_repo_type(setting),
                revision=revision,
                cache_dir=_cache_dir(cache),
                allow_patterns=list(patterns),
                local_files_only=True,
            )
        )
    except OSError:
        return None


def _cache_dir(cache: Path) -> Path | None:
    """Return where snapshots lie: in our cache, unless the user has given the hub's own library a place."""
    return None if any(os.environ.get(name) for name in OWN_CACHE_VARIABLES) else cache / "hub"


def _repo_type(setting: str) -> str:
    return "model" if kind_of(setting) == "model" else "dataset"


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _refused(source: SourceConfig, setting: str, error: Exception) -> str:
    match error:
        case GatedRepoError():
            return (
                f"{kind_of(setting)} {source.name} is gated: accept its terms on its hub page, then run `hf auth login`"
            )
        case HFValidationError():
            return f"{source.name!r} ({setting}.name) is no hub id; for a folder: {from_a_folder(setting, source.name)}"
    return (
        f"{kind_of(setting)} {source.name} is not on the hub, or private: check {setting}.name, or run `hf auth login`"
    )


def _not_to_be_had(source: SourceConfig, cache: Path, setting: str, error: Exception) -> str:
    if isinstance(error, RevisionNotFoundError):
        return f"{kind_of(setting)} {source.name} has no revision {source.revision!r}: set {setting}.revision to one it has"
    option = "" if kind_of(setting) == "model" else " --repo-type dataset"
    return (
        f"the {kind_of(setting)} {source.name} is not in the cache ({_cache_dir(cache) or 'HF_HOME'}) and the hub could not be "
        f"reached: {_first_line(error)}\nOn a machine that reaches the hub run\n"
        f"    hf download {source.name}{option} --local-dir FOLDER\n"
        f"copy FOLDER here and add\n    {_from_a_copy(setting)}\n"
        f"or set HEADTOHEAD_CACHE to a cache that has it; or take what comes as a wheel: {FROM_WHEELS[kind_of(setting)]}"
    )


def _from_a_copy(setting: str) -> str:
    """Return the overrides that read a copy of the repository; data are laid out there as on the hub."""
    if kind_of(setting) == "model":
        return from_a_folder(setting)
    return f"{setting}.kind=path {setting}.name=FOLDER"
