"""Whoever takes a conversation for a text is told the settings that read it; they then do."""

from __future__ import annotations

import re
import shlex
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas
import pytest

from data.made_up_files import config_of, write_jsonl
from data.test_ready_files import configuration
from headtohead.config.data import FieldsConfig
from headtohead.data import iterate_lines, iterate_texts, load_corpus
from headtohead.data.columns.conversations import conversation_setting
from headtohead.errors import UserError

SETTING = re.compile(r"'?data\.fields\.(?:messages|turns)=.*?(?=$|\n|\.\s)")


def chat(number: int, column: str = "messages", who: str = "role", said: str = "content") -> dict[str, Any]:
    entries = [{who: name, said: f"{word} {number}"} for name, word in [("user", "hello"), ("assistant", "answer")]]
    return {"label": "ab"[number % 2], column: [*entries, {who: "user", said: f"thanks {number}"}]}


MADE = [
    ({}, "data.fields.messages=messages"),
    ({"column": "conversation"}, "data.fields.messages=conversation"),
    (
        {"column": "conversations", "who": "from", "said": "value"},
        "data.fields.messages=conversations 'data.fields.message_keys=[from,value]'",
    ),
    ({"column": "thread", "who": "author", "said": "text"}, "data.fields.turns=thread"),
    (
        {"column": "thread", "who": "speaker", "said": "text"},
        "data.fields.turns=thread 'data.fields.turn_keys=[speaker,text]'",
    ),
]


@pytest.mark.parametrize(("made", "setting"), MADE)
def test_the_settings_that_a_refusal_names_read_the_file(
    made: dict[str, str], setting: str, tmp_path: Path, cache: Path
) -> None:
    path = write_jsonl(tmp_path / "rows.jsonl", [chat(number, **made) for number in range(60)])
    with pytest.raises(UserError) as refusal:
        load_corpus(config_of(path), cache)
    assert SETTING.search(str(refusal.value)).group() == setting  # type: ignore[union-attr]
    given = ["data.source.name=rows.jsonl", *shlex.split(setting)]
    config = configuration("files", *given, f"data.source.name={path}").data
    assert "thanks" in load_corpus(config, cache).train[0]["text"]


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "json"])
def test_one_that_is_named_as_text_is_told_from_a_text(ending: str, tmp_path: Path, cache: Path) -> None:
    path, rows = tmp_path / f"rows.{ending}", pandas.DataFrame([chat(number) for number in range(30)])
    match ending:
        case "parquet":
            rows.to_parquet(path)
        case _:
            rows.to_json(path, orient="records", lines=ending == "jsonl")
    with pytest.raises(UserError, match=r"a conversation is read by data\.fields\.messages=messages"):
        load_corpus(config_of(path, fields=FieldsConfig(text=["messages"])), cache)


def test_new_texts_and_streams_are_told_alike(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "new.jsonl", [chat(1), chat(2)])
    wanted = r"read by data\.fields\.messages=messages"
    with pytest.raises(UserError, match=wanted):
        list(iterate_texts(path, config_of(tmp_path)))
    with pytest.raises(UserError, match=wanted):
        list(iterate_lines(BytesIO(path.read_bytes()), config_of(tmp_path)))


@pytest.mark.parametrize(
    "value", ["role: user", [], ["a", "b"], {"role": "user", "content": "x"}, [{"name": "x"}], None]
)
def test_nothing_else_is_a_conversation(value: Any) -> None:
    assert conversation_setting("column", value) == ""
