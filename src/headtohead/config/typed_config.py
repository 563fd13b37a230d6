"""From plain values, composed by Hydra or read from a record, to the typed configuration. Pure."""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, Union, cast, get_args, get_origin, get_type_hints

import yaml

from headtohead.config.data import DataConfig
from headtohead.config.familiar import keys_of, nearest
from headtohead.config.lora import LORA_CONFIGS
from headtohead.config.loss import LOSS_CONFIGS
from headtohead.config.numbers import require_numbers
from headtohead.config.run import Config
from headtohead.errors import UserError, require_choice
from headtohead.grammar import typed
from headtohead.labels import label_text

BY_KIND: dict[str, dict[str, type]] = {"loss": dict(LOSS_CONFIGS), "lora": dict(LORA_CONFIGS)}
"""Groups whose dataclass depends on the choice made."""


def build_config(plain: dict[str, Any]) -> Config:
    """Build the typed configuration, checking names, types and ranges.

    Raises:
        UserError: a key that no dataclass has, a missing value, a value of the wrong type or out of range; the message
            names the dotted key.
    """
    require_numbers(plain, "")
    typed = dict(plain)
    for group, choices in BY_KIND.items():
        kind = str(plain.get(group, {}).get("kind"))
        require_choice(f"{group}.kind", kind, choices)
        given = {key: value for key, value in plain[group].items() if value is not None}  # null: as the choice has it
        typed[group] = _build(choices[kind], given, group)
    config = _build(Config, typed, "")
    assert isinstance(config, Config)
    return config


def build_data(plain: dict[str, Any]) -> DataConfig:
    """Build the typed configuration of a data set alone.

    Raises:
        UserError: as ``build_config``.
    """
    config = _build(DataConfig, plain, "data")
    assert isinstance(config, DataConfig)
    return config


@cache
def known_keys() -> tuple[str, ...]:
    """Return every setting, dotted; those of a group that depend on the choice made are all there."""
    chosen = [f"{group}.{key}" for group, kinds in BY_KIND.items() for kind in kinds.values() for key in keys_of(kind)]
    return tuple(dict.fromkeys([key for key in keys_of(Config) if key.split(".")[0] not in BY_KIND] + chosen))


def takes_any_name(path: Sequence[str], cls: type = Config) -> bool:
    """Return whether a dotted key, or the one above it, is a mapping whose names are the user's own."""
    hint = get_type_hints(cls).get(path[0])
    if get_origin(hint) is dict:
        return len(path) <= 2
    return len(path) > 1 and is_dataclass(hint) and takes_any_name(path[1:], cast(type, hint))


def with_lists(plain: dict[str, Any], cls: type = Config) -> dict[str, Any]:
    """Return plain values with ``review`` as ``[review]`` where a list is wanted: one meaning has one fingerprint."""
    hints = get_type_hints(cls)
    found: dict[str, Any] = {}
    for key, value in plain.items():
        hint = (
            BY_KIND[key].get(str(value.get("kind"))) if key in BY_KIND and isinstance(value, dict) else hints.get(key)
        )
        if get_origin(hint) is list and value is not None and not isinstance(value, list):
            found[key] = [value]
        elif isinstance(value, dict) and is_dataclass(hint):
            found[key] = with_lists(value, cast(type, hint))
        else:
            found[key] = value
    return found


def _build(cls: type, values: Any, path: str) -> Any:
    if isinstance(values, cls):
        return values
    if not isinstance(values, dict):
        raise UserError(f"{path or 'the configuration'} must be a group of settings, given {values!r}")
    hints = get_type_hints(cls, include_extras=True)
    known = {field.name: field for field in fields(cls)}
    for key in values:
        if key not in known:
            given = _join(path, str(key))
            raise UserError(f"{given} is not a setting{nearest(given, known, known_keys())}")
    for name, field in known.items():
        if name not in values and field.default is MISSING and field.default_factory is MISSING:
            raise UserError(f"{_join(path, name)} must be given")
    return cls(**{name: _convert(hints[name], value, _join(path, name)) for name, value in values.items()})


def _convert(hint: Any, value: Any, path: str) -> Any:
    """Return ``value`` as the type a field declares; integers pass for floats, nothing else is coerced.

    A number that may be left open may be called auto as well as null.
    """
    if value == "???":
        raise UserError(f"{path} must be given: add {path}=<value> to the command")
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        own = next(argument for argument in arguments if argument is not type(None))
        if value is None or (value == "auto" and own in (int, float)):
            return None
        fitting = [hint for hint in arguments if isinstance(value, get_origin(hint) or hint)]
        return _convert((fitting or [own])[0], value, path)
    if origin is Annotated:
        _require(isinstance(value, str | int | float), path, "a text or a number", value)
        return str(arguments[1](value))
    if is_dataclass(hint):
        assert isinstance(hint, type)
        return _build(hint, value, path)
    if origin is list:
        items = value if isinstance(value, list) else [value]
        if arguments[0] is str:
            _require_texts(path, items, value)
        return [_convert(arguments[0], item, f"{path}[{i}]") for i, item in enumerate(items)]
    if origin is dict:
        named = read_mapping(value, of_texts=arguments[1] is str)
        _require(isinstance(named, dict), path, "a mapping, in quotes for the shell: " + _example(path), value)
        return {label_text(key): _convert(arguments[1], item, _join(path, str(key))) for key, item in named.items()}
    if hint is float:
        _require(isinstance(value, int | float) and not isinstance(value, bool), path, "a number", value)
        return float(value)
    is_right = isinstance(value, hint) and not (hint is int and isinstance(value, bool))
    if hint is str:
        _require_no_truth(path, value)
    text = f"a text, in quotes: {typed(path, _written(value))}" if isinstance(value, int | float) else "a text"
    _require(is_right, path, {int: "a whole number", str: text, bool: "true or false"}[hint], value)
    return value


def read_mapping(value: Any, *, of_texts: bool) -> Any:
    """Read a mapping that came as a text, for names that the override grammar does not take: YAML, or JSON.

    Args:
        of_texts: names and values are texts as they are written: ``yes`` and ``1`` are no truth value and no number.
    """
    if not isinstance(value, str):
        return value
    try:
        return yaml.load(value, Loader=yaml.BaseLoader if of_texts else yaml.SafeLoader)
    except yaml.YAMLError:
        return value


def _require_texts(path: str, items: list[Any], given: Any) -> None:
    """Refuse a list of texts that holds others, with all of them in quotes."""
    for item in items:
        _require_no_truth(path, item)
    if any(isinstance(item, int | float) for item in items):
        line = typed(path, list(map(_written, items)))
        raise UserError(f"{path} must be a list of texts, in quotes: {line}, given {given!r}")


def _written(value: Any) -> Any:
    """Return a number as the text that it was typed as; others as they are."""
    return str(value) if isinstance(value, int | float) else value


def _example(path: str) -> str:
    return typed(path, {"name": "value"})


def _require(condition: bool, path: str, wanted: str, given: Any) -> None:
    if not condition:
        raise UserError(f"{path} must be {wanted}, given {given!r}")


def _require_no_truth(path: str, value: Any) -> None:
    """Refuse a truth value for a text: whether yes, on or true was typed is no longer known."""
    if isinstance(value, bool):
        raise UserError(
            f"{path} must be a text, given what YAML reads as a truth value (yes, on, true, ...): put it in quotes"
        )


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
