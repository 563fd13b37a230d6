"""What was typed, read before Hydra does: options in any order, settings that a shell or Hydra's grammar would refuse."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from hydra.core.override_parser.types import Override, OverrideType

from headtohead.config import takes_any_name
from headtohead.config.familiar import CHOICES, setting_meant
from headtohead.config.run import TASKS
from headtohead.config.typed_config import known_keys
from headtohead.errors import UserError, near_names
from headtohead.grammar import in_shell, quoted
from headtohead.hydra_io.composition import parsed
from headtohead.hydra_io.internals import get_args_parser
from headtohead.hydra_io.refused_settings import DATA_FILE, unknown_choice
from headtohead.hydra_io.unreadable_values import as_given, explain_unreadable, is_balanced, is_readable, pairs, split

OF_THE_SWEEPER = ("hydra.sweeper.arms", "hydra.sweeper.margin", "hydra.sweeper.params")
"""Mappings of the user's own names in Hydra's own part of the configuration."""


def understood(arguments: Sequence[str], conf: Path) -> list[str]:
    """Return a command line as Hydra takes it: options first, then overrides.

    A mapping of the user's own names needs no plus: ``data.files={train: a.jsonl}`` replaces what stood there, and
    ``loss.weights.sport=2`` adds a name. Its names may be any text, which Hydra's grammar does not take. The sweeper's
    (``hydra.sweeper.arms={a: [...]}``) add names to those that an experiment has.

    Args:
        conf: the configuration's folder, for near names.

    Raises:
        UserError: an option that there is none of, or an override that cannot be read; with what to type.
    """
    options, overrides = _sorted(list(arguments))
    overrides = [_as_text(override) for override in overrides]
    for number, override in enumerate(overrides):
        if not is_readable(override):
            raise UserError(_unreadable(overrides, number, conf))
        _require_name(override, conf)
    return [*options, *map(_without_plus, overrides)]


def _sorted(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Return options with their values, and overrides, each in the order given."""
    parser = get_args_parser()
    parser.error = _refuse  # type: ignore[method-assign]
    known, left = parser.parse_known_args(arguments)
    for argument in left:
        if argument.startswith("-"):
            raise UserError(_unknown_option(argument, parser))
    if (known.cfg or known.info) and known.multirun:
        raise UserError("--cfg and --info show one run: leave -m out, and give each setting one value")
    overrides, options = [*known.overrides, *left], list(arguments)
    for override in overrides:
        options.remove(override)
    return options, overrides


def _refuse(message: str) -> NoReturn:
    raise UserError(f"{message}; --hydra-help lists the options")


def _unknown_option(argument: str, parser: argparse.ArgumentParser) -> str:
    name, equals, value = argument.lstrip("-").partition("=")
    known = [option for action in parser._actions for option in action.option_strings if option.startswith("--")]
    word = name.replace("-", "_")
    setting = setting_meant(word, known_keys())
    hint = near_names(f"--{name}", known).split("?")[0]
    is_setting = word in {key.partition(".")[0] for key in known_keys()}
    if hint.startswith("; did you mean") and not equals and not setting and not is_setting:
        return f"{argument} is no option{hint}?"
    setting = setting or word
    written = as_given(setting, value) if value else f"{setting}=<value>"
    return f"{argument} is no option: settings are written without dashes, as in {written}"


def _require_name(text: str, conf: Path) -> None:
    """Refuse a choice from a group that is no name: ``track=false`` is a truth value to Hydra, which then fails."""
    override = parsed(text)
    group = override.key_or_group
    if group in CHOICES and _is_change(override) and not isinstance(override.value(), str | list):
        if _chooses_nothing(group, override):
            return
        options = [path.stem for path in conf.glob(f"{group}/*.yaml") if path.stem != "base"]
        raise UserError(unknown_choice(f"{group}/{text.partition('=')[2].strip()}", options))


def _chooses_nothing(group: str, override: Override) -> bool:
    return group.startswith("hydra/") and override.value() is None


def _unreadable(overrides: list[str], number: int, conf: Path) -> str:
    """Say what to type instead of an override, taking it together with those that the shell cut from it."""
    override = overrides[number]
    if not is_balanced(override):
        for end in range(number + 2, len(overrides) + 1):
            if is_balanced(joined := " ".join(overrides[number:end])):
                return explain_unreadable(joined, "was cut at its spaces by the shell; type")
    if "=" not in override or override.startswith("="):
        return _no_setting(overrides, number, conf)
    return explain_unreadable(override)


def _no_setting(overrides: list[str], number: int, conf: Path) -> str:
    """Say what an argument without ``=`` may have meant."""
    word = overrides[number]
    said = f"{word!r} is no setting: settings are written key=value"
    start = max(number - 1, 0) if word.startswith("=") else number
    if any(part.startswith("=") for part in overrides[start : start + 2]):
        return (
            f"{said}, without spaces: {in_shell(re.sub(' *= *', '=', ' '.join(overrides[start : start + 3]), count=1))}"
        )
    if word in TASKS:
        return f"{said}: task={word}"
    if groups := [path.parent.name for path in sorted(conf.glob(f"*/{word}.yaml")) if word != "base"]:
        return f"{said}: {' or '.join(f'{group}={word}' for group in groups)}"
    if number and "=" in overrides[number - 1]:
        key, _, value = " ".join(overrides[number - 1 : number + 1]).partition("=")
        return f"{said}; if it belongs to the one before it, quote both as one: {as_given(key, value)}"
    if DATA_FILE.search(word) or Path(word).exists():
        return f"{said}: data=files {as_given('data.source.name', word)}"
    return f"{said}, as in model=tfidf; --help lists them"


def _as_text(text: str) -> str:
    """Return a mapping whose names the grammar cannot read as the text that holds it (``config.build`` reads it)."""
    key, _, value = text.partition("=")
    key, value = key.strip().lstrip("+"), value.strip()
    is_mapping = value[:1] == "{" and value[-1:] == "}" and takes_any_name(key.split("."))
    if is_mapping and not is_readable(text) and (names := pairs(value[1:-1])):
        return f"{key}={quoted(json.dumps(names, ensure_ascii=False))}"
    return text


def _without_plus(text: str) -> str:
    """Return an override that gives a mapping of the user's own names as Hydra takes it without having the names."""
    override = parsed(text)
    if not _is_change(override):
        return text
    path, value = override.key_or_group.split("."), override.value()
    if isinstance(value, dict) and override.key_or_group in OF_THE_SWEEPER:
        return f"++{text}"
    is_inside = len(path) > 2 and takes_any_name(path[:-1])
    if isinstance(value, dict) and takes_any_name(path) and not is_inside:
        names = _names_typed(text)
        values = list(map(_plain, value.values())) if len(names) == len(value) else list(names.values())
        if None in values:
            raise UserError(f"{override.key_or_group}: null is no text; the text null stands in quotes, given {text}")
        plain = dict(zip(names, values, strict=True))
        return f"{override.key_or_group}={quoted(json.dumps(plain, ensure_ascii=False))}"
    return f"++{text}" if is_inside else text


def _names_typed(text: str) -> dict[str, str]:
    """Return the names and values of a mapping as they were typed: true, 1e3, and 1 beside 1.0, are names here."""
    inside = text.partition("=")[2].strip()[1:-1]
    names = pairs(inside)
    if len([part for part in split(inside) if part]) > len(names):
        raise UserError(f"a name stands twice in {text}")
    return names


def _is_change(override: Override) -> bool:
    is_simple = override.type == OverrideType.CHANGE and override.package is None
    return is_simple and not override.is_sweep_override()


def _plain(value: Any) -> Any:
    """Return a value of the grammar with names that are texts."""
    match value:
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case _:
            return value
