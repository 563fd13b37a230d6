"""Broken command lines in a person's words: what Hydra refuses, with the line to type instead."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from headtohead.config import loading, takes_any_name
from headtohead.config.familiar import CHOICES, WITHOUT_THE_VALUE, nearest, setting_meant
from headtohead.config.typed_config import known_keys
from headtohead.errors import UserError, causes, near_names
from headtohead.grammar import in_shell
from headtohead.hydra_io.unreadable_values import as_given, explain_unreadable

DATA_FILE = re.compile(r"\.(csv|tsv|tab|jsonl|json|ndjson|parquet|txt|xlsx)(\.\w+)?$", re.IGNORECASE)
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


MAPPINGS = {
    "hydra.sweeper.margin": "{{accuracy:{value}}}",
    "hydra.sweeper.arms": '{{one: ["train.epochs=1"], other: ["train.epochs=2"]}}',
    "hydra.sweeper.params": '{{train.learning_rate: "choice(1e-4,1e-3)"}}',
    "hydra.sweeper.confirm": "{{seeds:{value}}}",
}
"""Sweeper's keys that hold mappings, and one as it is typed."""


def explain_unknown_plugin(text: str) -> str:
    """Say what to do about a plugin that Hydra does not know, such as one named in another project's configuration."""
    if "hydra_optuna_sweeper" in text:
        return (
            f"{text}: this is the published plugin, which Optuna 5 has left behind. Leave hydra.sweeper._target_ out: "
            "hydra/sweeper=optuna is the sweeper of this project and takes its keys (docs/sweeper.md)"
        )
    return f"{text}: is the package that brings it installed here?"


def explain_composition(error: Exception) -> str:
    """Say in a line what is wrong with overrides that Hydra refuses, and what to type.

    A mistake that a resolver finds keeps the words it was refused with.
    """
    text = str(error).split("\nConfig search path:")[0]
    chain = list(causes(error))
    without_plus = re.search(r"override \++(\S+?=.*)", text.splitlines()[0] if text else "")
    if without_plus and any("Incompatible key type" in str(cause) for cause in chain):
        line = in_shell(without_plus.group(1).removesuffix(": Incompatible key type 'NoneType'"))
        return (
            f"null, as Hydra reads it, is no name in a mapping; without the plus it is the text that was typed: {line}"
        )
    for cause in chain:
        if isinstance(cause, UserError):
            return f"{type(cause).__name__}: {cause}"
        if isinstance(cause, OverrideParseException):
            return explain_unreadable(str(cause.override))
    if twice := re.match(r"Multiple values for ([\w/]+)\. To override a value use 'override [\w/]+: (.+)'", text):
        return f"{twice.group(1)} is chosen already, so the plus has nothing to add: {as_given(*twice.groups())}"
    if "Could not override ''" in text:
        return "nothing stands before an =: settings are written key=value, as in model=tfidf"
    if text.startswith("Interpolation key") and (out := [word for word in sys.argv[1:] if word.startswith("~")]):
        return f"{out[0]} takes away what other settings need: leave it out, and choose another value instead"
    if "Ambiguous value for argument" in text:
        return explain_unreadable(text.split("'", 1)[1].split("'\n")[0], "has several values, which may mean")
    found = re.search(r"Could not override '([^']+)'", text)
    if found and takes_any_name(found.group(1).split(".")):
        key = found.group(1)
        return f"{key} takes any names, which Hydra wants added: put + before it, as in '+{key}={{name: value}}'"
    for cause in chain:
        if isinstance(cause, OmegaConfBaseException) and isinstance(cause.parent_node, DictConfig) and cause.key:
            known = [str(key) for key in cause.parent_node]
            if not known:
                return f"{text.splitlines()[0]} It is empty, and {str(cause.key)!r} new in it: put + before the key"
            if str(cause.key) not in known:
                return _unknown_key(found.group(1) if found else str(cause.key), cause.parent_node, str(cause.key))
    if said := _not_a_mapping(text, chain):
        return said
    if text.startswith("Error merging override") and error.__cause__ is not None:
        return f"{text.splitlines()[0]}: {str(error.__cause__).splitlines()[0]}"
    missing = re.match(r"(?:In '[^']*': )?Could not find '([^']+)'", text)
    if missing and isinstance(error, MissingConfigException) and error.options:
        return unknown_choice(missing.group(1), [option for option in error.options if option != "base"])
    return text


def _not_a_mapping(text: str, chain: Sequence[BaseException]) -> str:
    """Say what a single value where a mapping is wanted may have meant; nothing of other mistakes."""
    found = re.match(r"Error merging override \+*([\w./]+)=(.*)", text)
    if not found or not any(re.match(r"Cannot assign \w+ to Dict|Invalid type assigned", str(each)) for each in chain):
        return ""
    key, value = found.groups()
    name = MAPPINGS.get(key, "{{name:value}}").format(value=value)
    return f"{key} must be a mapping, in quotes for the shell: '{key}={name}', given {value}"


def _unknown_key(key: str, parent: DictConfig, word: str) -> str:
    """Say what an unknown key may have meant, and the line to type where it is known."""
    beside = [str(name) for name in parent]
    said = f"{key} is not a setting{nearest(key, beside, known_keys() if not key.startswith('hydra.') else ())}"
    value = _value_on_the_command_line(key)
    line = _the_same(key, word, value, parent) if value is not None else ""
    return f"{said}: {line}" if line else said


def _the_same(key: str, word: str, value: str, parent: DictConfig) -> str:
    """Return the override that a foreign one means, where it means one."""
    meant = setting_meant(word, known_keys())
    if meant == "lora.alpha_over_rank" and re.fullmatch(r"[\d.]+", value):
        rank = parent.get("rank") or 16
        return f"{meant}={float(value) / rank:g} with lora.rank={rank}"
    if not meant or meant in WITHOUT_THE_VALUE:
        return ""
    return as_given(meant, CHOICES.get(meant, {}).get(value.lower(), value))


def _value_on_the_command_line(key: str) -> str | None:
    """Return what this process was given for a key; None for one that it was not."""
    given = (argument.lstrip("+~").split("=", 1) for argument in sys.argv[1:] if "=" in argument)
    return next((value for name, value in given if name == key), None)


def unknown_choice(path: str, options: list[str]) -> str:
    """Say what a choice that a group does not have may have meant.

    Args:
        path: group and choice, joined by a slash; either may hold more of them.
    """
    group = _group_of(path)
    choice = path.removeprefix(f"{group}/")
    if group == "model":
        by_id = f"A model of the hub or of this disk is named by its id: {loading(choice)}"
        return f"model={choice} is no choice{near_names(choice, options)}\n{by_id}"
    line = _choice_meant(group, choice, options)
    if line:
        return f"{group}={choice} is unknown; here it is {line}. Choices: {', '.join(sorted(options))}"
    return f"{group}={choice} is unknown{near_names(choice, options)}"


def _choice_meant(group: str, choice: str, options: list[str]) -> str:
    """Return the override that a choice in others' words means, or one that takes a file, folder or hub id by name."""
    meant = CHOICES.get(group, {}).get(choice.lower())
    if meant and (meant in options or meant == "null"):
        return in_shell(f"{group}={meant}")
    if group == "data" and (DATA_FILE.search(choice) or Path(choice).exists()):
        return f"data=files {as_given('data.source.name', choice)}"
    if group == "data" and HUB_ID.fullmatch(choice):
        return f"data=hub data.source.name={choice}"
    return ""


def _group_of(path: str) -> str:
    """Return the group that a path of a configuration file begins with, the longest known one."""
    known = [group for group in CHOICES if path.startswith(f"{group}/")]
    return max(known, key=len, default=path.rpartition("/")[0])
