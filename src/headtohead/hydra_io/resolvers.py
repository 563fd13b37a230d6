"""What configuration files take from elsewhere: W&B's environment variables, and the name of one's own data."""

from __future__ import annotations

import os
import re
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from headtohead.errors import UserError

MODES = {"": "offline", "dryrun": "offline", "run": "online"}
"""Former words of W&B's, and none."""
ENDINGS = re.compile(
    r"(\.(csv|tsv|tab|txt|jsonl|ndjson|json|parquet|pq|arrow|gz|gzip|bz2|xz|zst|zip|lz4))+$", re.IGNORECASE
)
LONGEST_NAME = 60
"""Characters of a data set's name: it becomes a part of folder names, whose length file systems limit."""


def wandb_mode() -> str:
    """Return where W&B's environment variables send runs: offline, online or disabled.

    Raises:
        UserError: ``WANDB_MODE`` is none of its modes.
    """
    if os.environ.get("WANDB_DISABLED", "").lower() in ("true", "1", "yes"):
        return "disabled"
    given = os.environ.get("WANDB_MODE", "").strip().lower()
    mode = MODES.get(given, given)
    if mode not in ("offline", "online", "disabled"):
        raise UserError(
            f"WANDB_MODE={given} is no mode that runs here: set online, offline or disabled, or track=online|offline|off"
        )
    return mode


def wandb_tags() -> list[str]:
    """Return the tags in ``WANDB_TAGS``, which are separated by commas."""
    return [tag.strip() for tag in os.environ.get("WANDB_TAGS", "").split(",") if tag.strip()]


def own_name(*, _parent_: DictConfig) -> str:
    """Return what a data set of one's own is called: its file without endings, its folder, or the hub id's last part."""
    source = OmegaConf.to_container(_parent_.source, resolve=False)
    assert isinstance(source, dict)
    return name_of_source(str(source["name"]), str(source["kind"]))


def name_of_source(name: str, kind: str) -> str:
    """Return a place's name in letters that every file system takes; ``own`` where it has none."""
    if kind == "path":
        path = Path(name).expanduser()
        last = path.name or path.resolve().name
        last = path.resolve().name if last in (".", "..") else last
        last = last if os.path.isdir(path) else ENDINGS.sub("", last)
    else:
        last = name.rpartition("/")[2]
    kept = re.sub(r"[^\w.-]+", "_", last).strip("._-")[:LONGEST_NAME]
    return kept or "own"


OmegaConf.register_new_resolver("headtohead.wandb_mode", wandb_mode, replace=True)
OmegaConf.register_new_resolver("headtohead.wandb_tags", wandb_tags, replace=True)
OmegaConf.register_new_resolver("headtohead.own_name", own_name, replace=True)
