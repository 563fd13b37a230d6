"""From plain values, composed by Hydra or read from a record, to the typed configuration. Pure."""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from headtohead.config.lora import LORA_CONFIGS
from headtohead.config.loss import LOSS_CONFIGS
from headtohead.config.numbers import require_numbers
from headtohead.config.run import Config
from headtohead.errors import UserError, near_names, require_choice

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
        typed[group] = _build(choices[kind], plain[group], group)
    config = _build(Config, typed, "")
    assert isinstance(config, Config)
    return config


def takes_any_name(path: Sequence[str], cls: type = Config) -> bool:
    """Return whether a dotted key, or the one above it, is a mapping whose names are the user's own."""
    hint = get_type_hints(cls).get(path[0])
    if get_origin(hint) is dict:
        return len(path) <= 2
    return len(path) > 1 and is_dataclass(hint) and takes_any_name(path[1:], cast(type, hint))


def _build(cls: type, values: Any, path: str) -> Any:
    if isinstance(values, cls):
        return values
    if not isinstance(values, dict):
        raise UserError(f"{path or 'the configuration'} must be a group of settings, given {values!r}")
    hints = get_type_hints(cls)
    known = {field.name: field for field in fields(cls)}
    for key in values:
        if key not in known:
            raise UserError(f"{_join(path, key)} is not a setting{near_names(str(key), known)}")
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
        return _convert(own, value, path)
    if is_dataclass(hint):
        assert isinstance(hint, type)
        return _build(hint, value, path)
    if origin is list:
        _require(
            isinstance(value, list), path, f"a list, such as [{value if isinstance(value, str) else 'a, b'}]", value
        )
        return [_convert(arguments[0], item, f"{path}[{i}]") for i, item in enumerate(value)]
    if origin is dict:
        _require(isinstance(value, dict), path, "a mapping, such as {a: 1}", value)
        return {str(key): _convert(arguments[1], item, _join(path, str(key))) for key, item in value.items()}
    if hint is float:
        _require(isinstance(value, int | float) and not isinstance(value, bool), path, "a number", value)
        return float(value)
    is_right = isinstance(value, hint) and not (hint is int and isinstance(value, bool))
    text = f"a text (in quotes: '\"{str(value).lower() if isinstance(value, bool) else value}\"')"
    _require(is_right, path, {int: "a whole number", str: text, bool: "true or false"}[hint], value)
    return value


def _require(condition: bool, path: str, wanted: str, given: Any) -> None:
    if not condition:
        raise UserError(f"{path} must be {wanted}, given {given!r}")


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
