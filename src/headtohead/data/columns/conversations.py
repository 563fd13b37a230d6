"""Columns that hold conversations, recognised by the keys of their entries. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headtohead.config.data import FieldsConfig
from headtohead.grammar import typed

ROLES, AUTHORS = ("role", "from"), ("author", "speaker", "sender")
"""Keys of who speaks: in chat messages a role, in turns a person."""
SAID = ("content", "value", "text", "message")


def conversation_fields(column: str, value: Any) -> dict[str, Any]:
    """Return the settings below ``data.fields`` that read a column as chat messages or turns; none where it holds neither."""
    if not isinstance(value, list) or not value or not all(isinstance(entry, Mapping) for entry in value):
        return {}
    shared = set.intersection(*(set(entry) for entry in value))
    who = next((key for key in (*ROLES, *AUTHORS) if key in shared), None)
    said = next((key for key in SAID if key in shared), None)
    if who is None or said is None:
        return {}
    kind, usual = ("messages", "message_keys") if who in ROLES else ("turns", "turn_keys")
    keys = [who, said]
    return {kind: column} if keys == getattr(FieldsConfig(), usual) else {kind: column, usual: keys}


def conversation_setting(column: str, value: Any) -> str:
    """Return the same as typed; empty where the column holds neither."""
    return " ".join(typed(f"data.fields.{key}", given) for key, given in conversation_fields(column, value).items())


def conversation_in(values: Mapping[str, Any]) -> str:
    """Return the settings of the first column of a row that holds a conversation; empty where none does."""
    return next(filter(None, (conversation_setting(column, value) for column, value in values.items())), "")
