"""From a model's configuration to a folder that ``from_pretrained`` can read, and the content that identifies it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from headtohead.checkpoints.gguf import converted
from headtohead.checkpoints.refusals import refuse_another_architecture, require_loadable
from headtohead.config import ModelConfig
from headtohead.sources import CODE_PATTERNS, MODEL_PATTERNS, Fetched, content_of, fetch, locked
from headtohead.tiny import tiny_checkpoint


def fetch_model(config: ModelConfig, cache: Path) -> Fetched:
    """Bring a checkpoint onto this disk, converting GGUF weights to safetensors once.

    Raises:
        UserError: it cannot be had, is none that may be loaded, or another than its label names.
    """
    if config.kind == "tiny":
        with locked(cache, f"tiny-{config.architecture}"):
            path = tiny_checkpoint(config.architecture, cache)
        own = content_of(path)
        return Fetched(path=path, kind="tiny", name=config.architecture, revision=None, sha256=None, content=own)
    fetched = _fetched(config, cache)
    require_loadable(fetched.path, config)
    fetched = replace(fetched, content=content_of(fetched.path))
    if fetched.path.suffix == ".gguf":
        fetched = replace(fetched, path=converted(fetched, cache))
    refuse_another_architecture(fetched.path, config)
    return fetched


def content_now(config: ModelConfig, cache: Path) -> dict[str, str] | None:
    """Return what a folder or file of this disk holds by now; None for what is fetched, which is pinned.

    Raises:
        UserError: it is not there any more.
    """
    if config.kind != "transformers" or config.source.kind != "path":
        return None
    return content_of(_fetched(config, cache).path)


def _fetched(config: ModelConfig, cache: Path) -> Fetched:
    patterns = (*MODEL_PATTERNS, *CODE_PATTERNS) if config.trust_remote_code else MODEL_PATTERNS
    within = config.source.inside
    return fetch(
        config.source,
        cache,
        setting=f"model.{config.variant}",
        patterns=[f"{within}/{pattern}" if within else pattern for pattern in patterns],
    )
