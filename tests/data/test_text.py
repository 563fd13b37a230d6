"""What a record's fields become."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headtohead.config.data import FieldsConfig
from headtohead.data.text import RowError, read_input, text_digest

TURNS = FieldsConfig(turns="turns")
MESSAGES = FieldsConfig(messages="messages")


def test_several_columns_are_joined_in_the_order_given() -> None:
    fields = FieldsConfig(text=["title", "body"], joiner=" | ")
    assert read_input({"body": "b", "title": "t", "other": 1}, fields) == ("t | b", None)


def test_white_space_around_the_text_is_dropped_and_inside_kept() -> None:
    assert read_input({"text": "  a\n\n b \n"}, FieldsConfig())[0] == "a\n\n b"


def test_html_entities_are_unescaped_where_asked() -> None:
    record = {"text": "it&#039;s &lt;b&gt; &amp;amp;"}
    assert read_input(record, FieldsConfig(unescape_html=True))[0] == "it's <b> &amp;"
    assert read_input(record, FieldsConfig())[0] == record["text"]


def test_authors_are_numbered_by_first_appearance() -> None:
    turns = [{"author": a, "text": t} for a, t in [("zoe", "hi "), ("al", "no"), ("zoe", "yes"), ("bo", "eh")]]
    assert read_input({"turns": turns}, TURNS)[0] == "[author0] hi [author1] no [author0] yes [author2] eh"


def test_messages_are_kept_and_joined() -> None:
    messages = [{"role": "user", "content": "q?"}, {"role": "assistant", "content": "a."}]
    assert read_input({"messages": [dict(m, extra=1) for m in messages]}, MESSAGES) == (
        "user: q?\nassistant: a.",
        messages,
    )


def test_other_names_for_role_and_content() -> None:
    fields = FieldsConfig(messages="chat", message_keys=["from", "value"])
    record = {"chat": [{"from": "human", "value": "q"}]}
    assert read_input(record, fields) == ("human: q", [{"role": "human", "content": "q"}])


@pytest.mark.parametrize(
    ("record", "fields", "kind"),
    [
        ({"text": " \n\t"}, FieldsConfig(), "the text is empty"),
        ({"text": None}, FieldsConfig(), "the text is empty"),
        ({}, FieldsConfig(), "the text is empty"),
        ({"text": 3.5}, FieldsConfig(), "not text"),
        ({"text": ["a"]}, FieldsConfig(), "not text"),
        ({"text": "\ud83d"}, FieldsConfig(), "not text"),
        ({"turns": []}, TURNS, "not a list of turns"),
        ({"turns": "a: b"}, TURNS, "not a list of turns"),
        ({"turns": [{"author": "a"}]}, TURNS, "not a list of turns"),
        ({"turns": [{"author": None, "text": "b"}]}, TURNS, "not a list of turns"),
        ({"turns": [{"author": "a", "text": " "}]}, TURNS, "the text is empty"),
        ({"turns": [{"author": "a", "text": 1}]}, TURNS, "not text"),
        ({"messages": [{"role": "user", "content": ""}]}, MESSAGES, "the text is empty"),
    ],
)
def test_rows_without_usable_text_are_refused(record: dict[str, object], fields: FieldsConfig, kind: str) -> None:
    with pytest.raises(RowError) as raised:
        read_input(record, fields)
    assert raised.value.kind == kind


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_equal_to_a_reader_is_equal_by_digest(text: str) -> None:
    assert text_digest(text) == text_digest(f"\n {text}\t")


def test_digests_tell_texts_apart_and_forgive_case_space_and_form() -> None:
    assert text_digest("Straße  a\nb") == text_digest("STRASSE a b")
    assert text_digest("ﬁne") == text_digest("fine")
    assert text_digest("a b") != text_digest("ab")
