"""The model that a run stands on, held against what its record says it held: a name, a place and a date say nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from headtohead.checkpoints import content_now
from headtohead.config import Config, loading
from headtohead.errors import UserError
from headtohead.grammar import as_typed, in_shell
from headtohead.notices import Notice
from headtohead.results import RunRecord, run_folder
from headtohead.sources import file_hash

SHOWN = 3


def as_recorded(config: Config, record: RunRecord) -> Config:
    """Return a configuration whose hub model is the commit that a run has read, where it asked for the newest."""
    revision = (record.model.get("source") or {}).get("revision")
    if config.model.kind != "transformers" or config.model.source.kind != "hub" or not revision:
        return config
    pinned = replace(config.model.source, revision=config.model.source.revision or revision)
    return replace(config, model=config.model.with_source(pinned))


def adapter_content(config: Config) -> str | None:
    """Return the hash of the trained weights that a run starts from, if any are there."""
    path = Path(config.model.adapter or "") / run_folder.WEIGHTS
    return file_hash(path) if config.model.adapter and path.is_file() else None


def refuse_another_base(record: RunRecord, content: Mapping[str, str], folder: Path, *, mend: str) -> None:
    """Refuse to go on from a run whose base model or tokenizer holds something else by now.

    Args:
        content: of the model as it is, as ``Fetched`` has it.
        mend: what to do, after "put it back, or".

    Raises:
        UserError: a file has changed, has gone, or is new.
    """
    source = record.model.get("source") or {}
    then = source.get("content")
    if not then:
        return
    changed = sorted(name for name in then.keys() | content.keys() if then.get(name) != content.get(name))
    if not changed:
        return
    named = ", ".join(name or Path(str(source["name"])).name for name in changed[:SHOWN])
    more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
    raise UserError(
        f"the base model of {folder} has changed since the run: of {source['kind']} {source['name']}, {named}{more} "
        f"{'hold' if len(changed) > 1 else 'holds'} something else. Put it back, or {mend}"
    )


def train_again(record: RunRecord) -> str:
    """Return how to train a run anew, as ``mend`` of ``refuse_another_base``."""
    command = str(record.provenance.get("command", "")).strip()
    program, given = as_typed(command)
    return (
        f"train again: {in_shell(*program, *given, 'fresh=true')}" if command else "train the run again with fresh=true"
    )


def refuse_another_start(config: Config, record: RunRecord, folder: Path) -> None:
    """Refuse to go on with a run that began from weights which are others by now.

    Raises:
        UserError: the weights in ``model.adapter`` have changed, or are gone.
    """
    then = record.model.get("adapter")
    if then and adapter_content(config) != then:
        raise UserError(
            f"the weights of model.adapter={config.model.adapter} have changed since {folder} began from them. "
            "Put them back, or add fresh=true to start anew"
        )


def refuse_changed_files(config: Config, record: RunRecord, folder: Path, cache: Path) -> None:
    """Refuse to show a finished run over a model or an adapter of this disk that holds something else by now.

    Raises:
        UserError: as ``refuse_another_base`` and ``refuse_another_start``, or the model is gone.
    """
    content = content_now(config.model, cache)
    if content is not None:
        refuse_another_base(record, content, folder, mend="add fresh=true to start anew")
    refuse_another_start(config, record, folder)


def notices(config: Config, about: Mapping[str, Any]) -> list[Notice]:
    """Return what must be said of a model that was loaded: its label where it names none, what was set and not loaded."""
    found = []
    model = config.model
    if model.kind != "transformers":
        return []
    if model.source.kind == "path" and model.strange_words(model.source):
        found.append(
            Notice(
                text=f"model.name={model.name} is a label: what is loaded is {model.source.name} ({about['architecture']})",
                command=loading(model.source.name),
                leads=False,
            )
        )
    if model.unused is not None:
        other = "base" if model.variant == "instruct" else "instruct"
        found.append(
            Notice(
                text=f"model.{other} is {model.unused.name}, which is not loaded: model.variant={model.variant}",
                command=loading(model.unused.name),
                leads=False,
            )
        )
    return found
