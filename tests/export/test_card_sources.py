"""A card says how a row that is no single text becomes one, in the very form in which training read it."""

from __future__ import annotations

import re

import pytest

from headtohead.config.data import FieldsConfig
from headtohead.data.text import read_input
from headtohead.export.card_words import source_sentence

CHAT = [{"role": "role", "content": "content"}]
TURNS = [{"author": name, "text": "text"} for name in ("ann", "bob", "ann")]


@pytest.mark.parametrize(
    ("fields", "row"),
    [
        (FieldsConfig(messages="chat"), {"chat": CHAT}),
        (FieldsConfig(turns="thread"), {"thread": TURNS}),
    ],
)
def test_a_conversation_is_shown_as_it_was_read(fields: FieldsConfig, row: dict[str, object]) -> None:
    said = source_sentence(fields, renders_chat=False)
    assert re.findall(r"`(.*?)`", said) == [read_input(row, fields)[0]]


def test_columns_are_named_in_their_order_with_what_joins_them() -> None:
    said = source_sentence(FieldsConfig(text=["title", "body"], joiner=" | "), renders_chat=False)
    assert said.index("title") < said.index("body") < said.index("' | '")


@pytest.mark.parametrize(("fields", "chat"), [(FieldsConfig(), False), (FieldsConfig(messages="chat"), True)])
def test_nothing_is_said_of_a_text_or_of_what_the_chat_template_takes(fields: FieldsConfig, chat: bool) -> None:
    assert source_sentence(fields, renders_chat=chat) == ""
