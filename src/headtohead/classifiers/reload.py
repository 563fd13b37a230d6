"""A finished run, ready to score again: configuration, labels, model and prompt come from its record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from headtohead.backbone import Backbone
from headtohead.classifiers.base_model_check import as_recorded, refuse_another_base, train_again
from headtohead.classifiers.build_pack import Reader, build_pack, build_reader, load
from headtohead.config import Config, build_config
from headtohead.errors import UserError, some_of
from headtohead.labels import LabelSpace
from headtohead.results import RunRecord, read_record, run_folder
from headtohead.sources import cache_root
from headtohead.training import Pack, Processes, load_weights

READ_BY_PREDICT = ("data.bad_rows", "data.dialect", "data.encodings", "data.fields", "data.format")
"""How a file to classify is read, and what its columns are called: no part of what the run measured."""

CHOSEN = ("template", "max_tokens")
"""Of a prompt: what a run may have chosen by its model and rows."""


@dataclass(slots=True, kw_only=True)
class Reloaded:
    """What a task that reads a run works with."""

    folder: Path
    record: RunRecord
    config: Config
    labels: LabelSpace
    backbone: Backbone
    reader: Reader
    pack: Pack
    """Of one trial, its trained weights in place."""
    cache: Path


def reads_file(key: str) -> bool:
    """Whether a key of the command line says how a file to classify is read."""
    named = key.lstrip("+~")
    return named in READ_BY_PREDICT or named.rpartition(".")[0] in READ_BY_PREDICT


def read_run(folder: Path) -> tuple[RunRecord, Config]:
    """Return the record of a run that has trained weights, and its configuration.

    Raises:
        UserError: the run is unfinished, or failed before it trained.
    """
    record = read_record(folder / run_folder.RECORD)
    if not (folder / run_folder.WEIGHTS).is_file():
        raise UserError(
            f"{folder} holds no trained weights (status {record.status}, model {record.model.get('name')}); "
            "finish the run first by the command that started it"
        )
    return record, build_config(record.config)


def refuse_contradictions(asked: Config, stored: Config, given: list[str]) -> None:
    """Refuse overrides that contradict the run that is read: its model, head and prompt are what was measured.

    Args:
        given: the groups and keys that the command line set.

    Raises:
        UserError: one of them belongs to the run.
    """
    own = ("model", "data", "prompt", "head", "loss", "lora", "train", "seed", "name")
    for key in given:
        group = key.split(".", 1)[0].lstrip("+~")
        if asked.task.name == "predict" and reads_file(key):
            continue
        if group in own and getattr(asked, group) != getattr(stored, group):
            raise UserError(
                f"{key} contradicts the run: task={asked.task.name} takes {group} from the record of {asked.run}"
            )


def reload_run(folder: Path, *, cache: str | None = None, exact: Processes | None = None) -> Reloaded:
    """Build the pack of a finished run with its trained weights.

    Args:
        exact: where to compute in fp32 over the unquantised trunk, whatever the run was trained in: what an export is
            held against.

    Raises:
        UserError: see ``read_run``; or the trained weights do not fit (the base model has changed).
    """
    record, config = read_run(folder)
    config = as_recorded(config, record)
    if exact:
        model, lora = replace(config.model, precision="fp32"), replace(config.lora, quantisation="none")
        config = replace(config, model=model, lora=lora)
    labels = LabelSpace.from_dict(record.data["labels"])
    processes = exact or Processes.current()
    where = cache_root(cache or config.paths.cache)
    backbone = load(config, labels, width=int(record.model["width"]), cache=where, processes=processes)
    refuse_another_base(record, backbone.content, folder, mend=train_again(record))
    prompt = record.model["prompt"]
    config = replace(config, prompt=replace(config.prompt, **{key: prompt[key] for key in CHOSEN if key in prompt}))
    examples = [(text, word) for text, word in prompt["examples"]][len(config.prompt.given_examples) :]
    reader = build_reader(config, backbone, labels, [""], examples)
    _check_audit(record, reader)
    pack = build_pack([config], backbone, [reader], labels, None, processes=processes)
    state = load_weights(folder / run_folder.WEIGHTS, labels=labels.names)
    try:
        pack.trials[0].weights.load(state)
    except (KeyError, RuntimeError) as error:
        raise UserError(f"the trained weights in {folder} do not fit the model of its record: {error}") from error
    return Reloaded(
        folder=folder,
        record=record,
        config=config,
        labels=labels,
        backbone=backbone,
        reader=reader,
        pack=pack,
        cache=where,
    )


def _check_audit(record: RunRecord, reader: Reader) -> None:
    """Refuse a tokenizer that writes the labels otherwise than the one that was trained with."""
    if reader.audit is None:
        return
    then = [tuple(label["ids"]) for label in record.audit["labels"]]
    now = list(reader.audit.answers)
    if then != now:
        changed = [f"{was} then and {is_now} now" for was, is_now in zip(then, now, strict=False) if was != is_now]
        raise UserError(f"the labels' tokens have changed since the run: {some_of(changed, 4)}")
