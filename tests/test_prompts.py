"""Placeholders are filled once; examples spread evenly, nested, from training rows; chats carry their own tokens."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headtohead.backbone import load_tokenizer
from headtohead.classifiers.build_pack import draw_examples
from headtohead.config import ExampleConfig, PromptConfig
from headtohead.data import Corpus
from headtohead.errors import UserError
from headtohead.labels import LabelSpace
from headtohead.prompts import Prompt, build_prompt, choose_examples, label_text
from headtohead.tiny import tiny_checkpoint
from tiny_runs import config_of, dataset_of, labels_of

LABELS = LabelSpace(
    kind="single", names=("a", "b"), words=("alpha", "beta"), descriptions=("first {text}", ""), values=()
)
any_text = st.text(max_size=40)
tricky = st.lists(
    st.sampled_from(["{text}", "{labels}", "{examples}", "{descriptions}", "{", "}", "\\1", "\\g<0>", "\n", "é", "😀"])
).map("".join)


@given(before=tricky, after=tricky, text=any_text | tricky)
def test_only_the_placeholders_of_the_template_are_filled(before: str, after: str, text: str):
    """Whatever stands in the text, and whatever braces stand in the template, is left alone."""
    before, after = (re.sub("(text|labels|examples|descriptions)}", "other}", part) for part in (before, after))
    prompt = Prompt(PromptConfig(template=before + "{text}" + after), LABELS, None)
    assert prompt.render(text) == before + text + after


@given(text=any_text | tricky)
def test_every_placeholder(text: str):
    template = "{labels}|{descriptions}|{examples}|{text}|{labels}"
    config = PromptConfig(template=template, examples=1, example_template="{text}>{label};", label_separator=" or ")
    prompt = Prompt(config, LABELS, None, (("an {text} of {label}", "beta"),))
    expected = f"alpha or beta|- alpha: first {{text}}\n- beta|an {{text}} of {{label}}>beta;|{text}|alpha or beta"
    assert prompt.render(text) == expected


@given(
    labels=st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=60),
    count=st.integers(0, 12),
    seed=st.integers(0, 1000),
)
def test_examples_are_spread_evenly_and_nested(labels: list[str], count: int, seed: int):
    chosen = choose_examples(labels, count, seed=seed)
    assert len(chosen) == len(set(chosen)) == min(count, len(labels))
    assert choose_examples(labels, count + 1, seed=seed)[:count] == chosen
    taken, given_ = Counter(labels[i] for i in chosen), Counter(labels)
    for one in given_:
        for other in given_:
            assert taken[one] <= taken[other] + 1 or taken[other] == given_[other]


def test_examples_are_drawn_by_seed():
    labels = ["a", "b"] * 50
    assert choose_examples(labels, 6, seed=1) == choose_examples(labels, 6, seed=1)
    assert choose_examples(labels, 6, seed=1) != choose_examples(labels, 6, seed=2)


def test_given_examples_come_first():
    config = PromptConfig(
        template="{examples}{text}", examples=1, given_examples=[ExampleConfig(text="mine", label="alpha")]
    )
    prompt = build_prompt(config, LABELS, None, [("drawn", "beta")])
    assert prompt.render("x") == "mine\nalpha\n\ndrawn\nbeta\n\nx"
    assert prompt.as_dict()["examples"] == [["mine", "alpha"], ["drawn", "beta"]]


@pytest.mark.parametrize(
    ("kind", "label", "said"),
    [("single", 1, "politics"), ("ordinal", 2, "3"), ("multi", [1, 0, 1, 0], "sport, tech"), ("real", 2.5, "2.5")],
)
def test_answers_in_words(kind: str, label: object, said: str):
    assert label_text(labels_of(kind), label) == said


def test_no_label_in_words():
    assert label_text(labels_of("multi"), [0, 0, 0, 0]) == "none"


def chat_prompt(cache: Path, **options: object) -> tuple[Prompt, object]:
    tokenizer = load_tokenizer(tiny_checkpoint("llama", cache))
    config = PromptConfig(template="Classify: {text}", chat=True, answer_start="", **options)  # type: ignore[arg-type]
    return build_prompt(config, LABELS, tokenizer), tokenizer


def test_chat_is_rendered_with_the_template(cache: Path):
    prompt, _ = chat_prompt(cache, system="Be brief.")
    turns = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nClassify: {x}<|im_end|>\n"
    assert prompt.render("{x}") == turns + "<|im_start|>assistant\n"
    without = chat_prompt(cache, system="Be brief.", generation_prompt=False)[0]
    assert without.render("{x}") == turns
    messages = [{"role": "user", "content": "hi {text}"}, {"role": "assistant", "content": "ho"}]
    assert prompt.render("ignored", messages) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nhi {text}<|im_end|>\n"
        "<|im_start|>assistant\nho<|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.parametrize("architecture", ["llama", "bert"])
def test_special_tokens_stand_once(cache: Path, architecture: str):
    """A rendered chat carries its special tokens; the tokenizer adds its own to plain prompts alone."""
    from headtohead.batching.encode import Encoder

    tokenizer = load_tokenizer(tiny_checkpoint(architecture, cache))
    chat = build_prompt(PromptConfig(chat=True), LABELS, tokenizer)
    plain = build_prompt(PromptConfig(), LABELS, tokenizer)
    (chat_ids,) = Encoder(chat, tokenizer, 64).ids([chat.render("a fox")])
    (plain_ids,) = Encoder(plain, tokenizer, 64).ids([plain.render("a fox")])
    tokens = tokenizer.convert_ids_to_tokens(chat_ids)
    assert "[CLS]" not in tokens
    assert tokens.count("<|im_start|>") == 2
    assert tokenizer.convert_ids_to_tokens(plain_ids).count("[CLS]") == (architecture == "bert")


def test_chat_needs_a_template(cache: Path):
    tokenizer = load_tokenizer(tiny_checkpoint("llama", cache))
    tokenizer.chat_template = None
    with pytest.raises(UserError, match="instruct"):
        build_prompt(PromptConfig(chat=True), LABELS, tokenizer)


def test_descriptions_must_exist():
    with pytest.raises(UserError, match=r"data\.labels\.descriptions"):
        build_prompt(PromptConfig(template="{descriptions}{text}"), labels_of(), None)


def test_examples_come_from_the_training_rows(cache: Path):
    """Even where every other split looks the same."""
    prompt = PromptConfig(template="{examples}{text}", examples=4, example_tokens=3, example_template="{text}={label};")
    train = dataset_of([f"fox {i} jumps over the lazy dog" for i in range(12)], [i % 4 for i in range(12)])
    other = dataset_of([f"dog {i} jumps over the quick fox" for i in range(12)], [i % 4 for i in range(12)])
    corpus = Corpus(
        labels=labels_of(), train=train, validation=other, tests={"test": other}, ledger={}, source={}, fingerprint=""
    )
    tokenizer = load_tokenizer(tiny_checkpoint("llama", cache))
    drawn = draw_examples(config_of(prompt=prompt), corpus, tokenizer)
    assert {word for _, word in drawn} == set(labels_of().words)
    assert all(any(text and row.startswith(text) and text != row for row in train["text"]) for text, _ in drawn)
