"""One raw record becomes the input of a row: text, or chat messages and their plain text. Pure."""

from __future__ import annotations

import hashlib
import html
import unicodedata
from collections.abc import Mapping
from typing import Any

from headtohead.config.data import FieldsConfig
from headtohead.data.columns.cells import cell
from headtohead.data.columns.conversations import conversation_setting

Message = dict[str, str]


class RowError(ValueError):
    """One row that cannot be used; ``kind`` is what is counted, the message is what is shown."""

    def __init__(self, kind: str, message: str | None = None) -> None:
        super().__init__(message or kind)
        self.kind = kind


class LeftOut(RowError):
    """A row that is left out as asked, whatever ``data.bad_rows`` says."""


def read_input(record: Mapping[str, Any], fields: FieldsConfig) -> tuple[str, list[Message] | None]:
    """Return the text of a record, and its chat messages where the data has them.

    Raises:
        RowError: the input is empty, not text, or not valid Unicode.
    """
    messages = None
    if fields.messages:
        messages = _messages(record.get(fields.messages), fields)
        text = "\n".join(f"{message['role']}: {message['content']}" for message in messages)
    elif fields.turns:
        text = _turns(record.get(fields.turns), fields)
    else:
        text = fields.joiner.join(_texts(record, fields))
    text = text.strip()
    if not text:
        raise RowError("the text is empty")
    return text, messages


def used_columns(fields: FieldsConfig) -> list[str]:
    """Return the columns that hold the input of a row."""
    if fields.messages or fields.turns:
        return [fields.messages or fields.turns or ""]
    return list(fields.text)


def comparable(text: str) -> str:
    """Return a text as duplicates are compared: case, white space and Unicode form (NFKC) aside."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def text_digest(text: str) -> bytes:
    """Return 8 bytes that ``comparable`` texts share if they are equal."""
    return hashlib.blake2b(comparable(text).encode(), digest_size=8).digest()


def _texts(record: Mapping[str, Any], fields: FieldsConfig) -> list[str]:
    """Return the texts of the columns that hold one."""
    present = {column: cell(record, column, fields) for column in fields.text}
    found = [_text(value, fields, column) for column, value in present.items() if value is not None]
    if not found:
        raise RowError("the text is empty", f"there is no text in {' or '.join(map(repr, fields.text))}")
    return found


def _text(value: Any, fields: FieldsConfig, column: str) -> str:
    if value is None:
        raise RowError("the text is empty", f"there is no text in {column!r}")
    if not isinstance(value, str):
        setting = conversation_setting(column, value)
        mend = f"; a conversation is read by {setting}" if setting else ""
        raise RowError("not text", f"{column!r} is not text but {type(value).__name__} {str(value)[:40]!r}{mend}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise RowError("not text", f"{column!r} holds half a surrogate pair, which is not valid Unicode") from None
    return html.unescape(value) if fields.unescape_html else value


def _messages(value: Any, fields: FieldsConfig) -> list[Message]:
    role, content = fields.message_keys
    pairs = _pairs(value, role, content, fields.messages or "", fields)
    if not any(text.strip() for _, text in pairs):
        raise RowError("the text is empty", f"no message in {fields.messages!r} has any text")
    return [{"role": who, "content": text} for who, text in pairs]


def _turns(value: Any, fields: FieldsConfig) -> str:
    """Number the authors by their first appearance: '[author0] text [author1] text [author0] text'."""
    author, said = fields.turn_keys
    numbers: dict[str, int] = {}
    pairs = _pairs(value, author, said, fields.turns or "", fields)
    if not any(text.strip() for _, text in pairs):
        raise RowError("the text is empty", f"no turn in {fields.turns!r} has any text")
    return " ".join(f"[author{numbers.setdefault(who, len(numbers))}] {text.strip()}" for who, text in pairs)


def _pairs(value: Any, who: str, said: str, column: str, fields: FieldsConfig) -> list[tuple[str, str]]:
    if not isinstance(value, list) or not value:
        raise RowError(
            "not a list of turns", f"{column!r} must be a non-empty list of objects with {who!r} and {said!r}"
        )
    pairs = []
    for entry in value:
        if not isinstance(entry, Mapping) or entry.get(who) is None or said not in entry:
            raise RowError(
                "not a list of turns", f"every entry of {column!r} needs {who!r} and {said!r}: {str(entry)[:60]}"
            )
        pairs.append((str(entry[who]), _text(entry[said], fields, said)))
    return pairs
