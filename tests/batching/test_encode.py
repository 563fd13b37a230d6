"""Rows within the budget, whatever the text; the instruction and the system's words stay; what is lost is counted."""

from __future__ import annotations

import tempfile
from functools import cache as remember
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headtohead.backbone import load_tokenizer
from headtohead.batching.encode import Encoder, encode_rows, truncation_report
from headtohead.config import PromptConfig
from headtohead.errors import UserError
from headtohead.prompts import build_prompt
from headtohead.tiny import tiny_checkpoint
from tiny_runs import dataset_of, labels_of

LABELS = labels_of()
NOTHING = {"rows_cut": 0, "tokens_lost": 0}
BEFORE, AFTER = "Which of sport, politics, tech, business? ", "\nAnswer:"
texts = st.text(max_size=60) | st.lists(
    st.sampled_from(["the quick", " fox", "\n", "  ", "é", "😀", "漢字", "market match", "{text}"]), max_size=25
).map("".join)


@remember
def tokenizer_of(architecture: str):  # type: ignore[no-untyped-def]
    return load_tokenizer(tiny_checkpoint(architecture, Path(tempfile.mkdtemp())))


def encoder_of(budget: int, *, architecture: str = "llama", **options: object) -> Encoder:
    options = {"template": BEFORE + "{text}" + AFTER, **options}
    tokenizer = tokenizer_of(architecture)
    return Encoder(build_prompt(PromptConfig(**options), LABELS, tokenizer), tokenizer, budget)  # type: ignore[arg-type]


def words_of(encoder: Encoder, ids: list[int]) -> str:
    text: str = encoder.tokenizer.decode(ids, skip_special_tokens=True)
    return text


@given(text=texts, keep=st.sampled_from(["start", "end", "both"]), extra=st.integers(0, 40))
@pytest.mark.parametrize("architecture", ["llama", "bert"])
def test_budget_is_kept_and_the_instruction_stays(architecture: str, text: str, keep: str, extra: int):
    encoder = encoder_of(0, architecture=architecture, keep=keep)
    (empty,) = encoder.ids([encoder.prompt.render("")])
    encoder = encoder_of(len(empty) + extra, architecture=architecture, keep=keep)
    row = encoder.encode([text])
    (ids,), (read,), (lost,) = row["input_ids"], row["text_read"], row["tokens_lost"]
    (whole,) = encoder.ids([encoder.prompt.render(text)])
    assert len(ids) <= encoder.budget
    assert lost == len(whole) - len(ids)
    if len(whole) <= encoder.budget:
        assert (ids, read) == (whole, text)
        return
    assert encoder.ids([encoder.prompt.render(read)])[0] == ids
    decoded = words_of(encoder, ids)
    assert decoded.startswith(BEFORE.rstrip())
    assert decoded.endswith(AFTER)
    match keep:
        case "start":
            assert text.startswith(read)
        case "end":
            assert text.endswith(read)
        case "both":
            first, _, last = read.partition(" ... ")
            assert text.startswith(first)
            assert text.endswith(last)


@given(st.lists(texts, min_size=1, max_size=6), st.integers(40, 60))
def test_rows_do_not_depend_on_each_other(rows: list[str], budget: int):
    encoder = encoder_of(budget)
    together = encoder.encode(rows)
    for i, text in enumerate(rows):
        alone = encoder.encode([text])
        assert {key: values[i] for key, values in together.items()} == {key: value[0] for key, value in alone.items()}


def test_a_long_text_uses_its_budget():
    """Cutting takes no more than it must."""
    text = "the quick brown fox jumps over the lazy dog " * 20
    for keep in ("start", "end", "both"):
        (ids,) = encoder_of(60, keep=keep).encode([text])["input_ids"]
        assert 56 <= len(ids) <= 60


@pytest.mark.parametrize("text", ["", "a fox", "the quick brown fox " * 9])
def test_a_prompt_longer_than_the_budget_is_a_message(text: str):
    with pytest.raises(UserError, match=r"raise prompt\.max_tokens"):
        encoder_of(9).encode([text])


def test_a_prompt_of_exactly_the_budget_is_none():
    """In place a text may take more tokens than alone; with the text gone the prompt still fits."""
    encoder = encoder_of(0)
    budget = len(encoder.ids([encoder.prompt.render("")])[0])
    for text in ("x", " x", "\n", "é", "the quick brown fox"):
        row = encoder_of(budget).encode([text])
        assert len(row["input_ids"][0]) <= budget


roles = st.sampled_from(["user", "assistant", "system"])
conversations = st.lists(st.fixed_dictionaries({"role": roles, "content": texts}), min_size=1, max_size=4)


@given(conversation=conversations, extra=st.integers(0, 40), keep=st.sampled_from(["start", "end", "both"]))
def test_conversations_keep_the_budget_and_the_system_s_words(
    conversation: list[dict[str, str]], extra: int, keep: str
):
    wide = encoder_of(0, chat=True, keep=keep)
    bare = [turn if turn["role"] == "system" else {**turn, "content": ""} for turn in conversation]
    least = len(wide.ids([wide.prompt.render("", bare)])[0])
    encoder = encoder_of(least + extra, chat=True, keep=keep)
    row = encoder.encode([""], [conversation])
    (ids,), (lost,) = row["input_ids"], row["tokens_lost"]
    assert len(ids) <= encoder.budget
    (whole,) = encoder.ids([encoder.prompt.render("", conversation)])
    assert lost == len(whole) - len(ids)
    decoded: str = encoder.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    for turn in conversation:
        if turn["role"] == "system":
            assert f"<|im_start|>system\n{turn['content']}<|im_end|>" in decoded
    assert decoded.endswith("<|im_start|>assistant\n")
    assert encoder.rendered("", conversation) == decoded


def test_the_longest_message_is_cut_first():
    conversation = [
        {"role": "system", "content": "Classify. " * 9},
        {"role": "user", "content": "short"},
        {"role": "user", "content": "the quick brown fox " * 9},
    ]
    encoder = encoder_of(70, chat=True)
    row = encoder.encode(["ignored"], [conversation])
    assert row["text_read"][0].startswith("Classify. " * 9 + " short the quick")
    with pytest.raises(UserError, match=r"raise prompt\.max_tokens"):
        encoder_of(30, chat=True).encode(["ignored"], [conversation])


def test_a_plain_prompt_reads_a_conversation_as_its_text():
    text = "[user] the quick brown fox [assistant] jumps over the lazy dog"
    conversation = [{"role": "user", "content": "the quick brown fox"}, {"role": "assistant", "content": "jumps"}]
    for budget in (500, 50):
        assert encoder_of(budget).encode([text], [conversation]) == encoder_of(budget).encode([text])
        assert encoder_of(budget).rendered(text, conversation) == encoder_of(budget).rendered(text)


@given(texts, st.integers(40, 60))
def test_rendered_text_is_what_the_model_reads(text: str, budget: int):
    encoder = encoder_of(budget)
    assert encoder.ids([encoder.rendered(text)]) == encoder.encode([text])["input_ids"]


def test_truncation_is_counted(tmp_path: Path):
    encoder = encoder_of(45)
    rows = ["a fox", "the quick brown fox " * 10, "market " * 30, "x"]
    encoded = encode_rows("train", dataset_of(rows, [0, 1, 1, 3]), encoder, kind="single", key="k", cache=tmp_path)
    whole = [len(ids) for ids in encoder.ids([encoder.prompt.render(text) for text in rows])]
    lost = [max(0, n - int(own)) for n, own in zip(whole, encoded.lengths, strict=True)]
    assert encoded.tokens_lost.tolist() == lost
    assert truncation_report(encoded, LABELS.names) == {
        "rows": 4,
        "rows_cut": 2,
        "tokens_lost": sum(lost),
        "tokens_read": int(encoded.lengths.sum()),
        "per_class": {
            "sport": NOTHING,
            "politics": {"rows_cut": 2, "tokens_lost": int(encoded.tokens_lost.sum())},
            "tech": NOTHING,
            "business": NOTHING,
        },
    }
    assert list(encoded.texts_read()) == encoder.encode(rows)["text_read"]
    assert encoded.input_ids(np.asarray([2, 0])) == [encoder.encode([rows[i]])["input_ids"][0] for i in (2, 0)]


def test_truncation_of_a_row_of_two_labels_counts_for_both(tmp_path: Path):
    texts, targets = ["a fox", "market " * 30], [[1, 0, 0, 0], [0, 1, 1, 0]]
    encoded = encode_rows("train", dataset_of(texts, targets), encoder_of(45), kind="multi", key="k", cache=tmp_path)
    cut = {"rows_cut": 1, "tokens_lost": int(encoded.tokens_lost[1])}
    assert cut["tokens_lost"] > 0
    assert truncation_report(encoded, LABELS.names)["per_class"] == {
        "sport": NOTHING,
        "politics": cut,
        "tech": cut,
        "business": NOTHING,
    }


def test_large_splits_are_tokenised_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from headtohead.batching import encode as module

    monkeypatch.setattr(module, "IN_MEMORY_ROWS", 3)
    data = dataset_of(["a fox", "a dog", "the market", "x"], [0, 1, 2, 3])
    first = encode_rows("train", data, encoder_of(45), kind="single", key="k", cache=tmp_path)
    calls = []
    monkeypatch.setattr(Encoder, "encode", lambda *given: calls.append(given))
    again = encode_rows("train", data, encoder_of(45), kind="single", key="k", cache=tmp_path)
    assert not calls
    assert again.input_ids(np.arange(4)) == first.input_ids(np.arange(4))
    assert len(list((tmp_path / "tokenised").glob("*.arrow"))) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"budget": 44},
        {"keep": "end"},
        {"template": BEFORE + "{text}!" + AFTER},
        {"chat": True},
        {"key": "other rows"},
    ],
)
def test_the_cache_knows_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: dict[str, object]):
    from headtohead.batching import encode as module

    monkeypatch.setattr(module, "IN_MEMORY_ROWS", 0)
    data = dataset_of(["a fox", "a dog"], [0, 1])
    encode_rows("train", data, encoder_of(45), kind="single", key="k", cache=tmp_path)
    options = dict(other)
    budget, key = options.pop("budget", 45), str(options.pop("key", "k"))
    encode_rows("train", data, encoder_of(budget, **options), kind="single", key=key, cache=tmp_path)  # type: ignore[arg-type]
    assert len(list((tmp_path / "tokenised").glob("*.arrow"))) == 2
