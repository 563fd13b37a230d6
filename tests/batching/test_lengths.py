"""The length that is chosen: nearly all training texts fit, heads read the same text, bounds are the model's."""

from __future__ import annotations

import tempfile
from functools import cache as remember
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headtohead.backbone import load_tokenizer
from headtohead.batching.encode import Encoder
from headtohead.batching.lengths import COUNTED_ROWS, GRID, LEAST_TEXT, MOST_TEXT, QUANTILE, choose_length
from headtohead.config import LoraConfig, PromptConfig
from headtohead.errors import UserError
from headtohead.prompts import build_prompt
from headtohead.tiny import tiny_checkpoint
from tiny_runs import ALONE, TinyRun, config_of, labels_of, made_up_texts

TICKETS = tuple(f"queue {number}: {'a long name of ' * 3}a team" for number in range(12))
PROMPTS = {
    "text alone": PromptConfig(template="{text}"),
    "long list of labels": PromptConfig(template="{text}\n\nOne of {labels}:"),
    "chat": PromptConfig(template="{text}\n{labels}?", chat=True),
    "examples": PromptConfig(template="{examples}Text: {text}\nAnswer:", given_examples=[]),
}


@remember
def tokenizer():  # type: ignore[no-untyped-def]
    return load_tokenizer(tiny_checkpoint("llama", Path(tempfile.mkdtemp())))


def encoder_of(config: PromptConfig) -> Encoder:
    examples = [("word " * 20, TICKETS[0])] * 4 if "{examples}" in config.template else []
    return Encoder(build_prompt(config, labels_of(words=TICKETS), tokenizer(), examples), tokenizer(), 10**6)


@pytest.mark.parametrize("name", PROMPTS)
@given(words=st.lists(st.integers(0, 400), min_size=1, max_size=30), answer=st.integers(0, 20))
def test_nearly_all_texts_fit_beside_the_prompt(name: str, words: list[int], answer: int):
    encoder = encoder_of(PROMPTS[name])
    texts = ["fox " * count for count in words]
    length = choose_length(encoder, texts, None, positions=10**6, answer=answer)
    whole = np.asarray([len(ids) for ids in encoder.whole(texts, None)])
    assert length.prompt == encoder.own_tokens
    assert 0 < length.text <= MOST_TEXT
    assert length.text % GRID == 0
    if length.text < MOST_TEXT:
        assert (whole > length.budget).mean() <= 1 - QUANTILE
        assert length.text < max(whole.max() - length.prompt, 1) + GRID  # no more than they need


@given(positions=st.integers(LEAST_TEXT, 700))
def test_positions_are_a_bound(positions: int):
    encoder = encoder_of(PROMPTS["long list of labels"])
    texts = ["fox " * 300]
    if positions - 3 - encoder.own_tokens < LEAST_TEXT:
        with pytest.raises(UserError, match=f"{positions} positions: take a shorter prompt, such as prompt=plain"):
            choose_length(encoder, texts, None, positions=positions, answer=3)
        return
    length = choose_length(encoder, texts, None, positions=positions, answer=3)
    assert length.budget + 3 <= positions


def test_conversations_count_as_they_are_rendered():
    encoder = encoder_of(PromptConfig(template="{text}", chat=True))
    turns = [[{"role": "user", "content": "fox " * 50}, {"role": "assistant", "content": "dog " * 50}]]
    length = choose_length(encoder, ["fox dog"], turns, positions=4096, answer=0)
    assert length.budget >= len(encoder.whole(["fox dog"], turns)[0]) > 100


def test_rows_beyond_the_counted_ones_change_nothing():
    encoder, texts = encoder_of(PROMPTS["text alone"]), ["fox"] * COUNTED_ROWS
    counted = choose_length(encoder, texts, None, positions=4096, answer=0)
    assert choose_length(encoder, [*texts, "fox " * 4000], None, positions=4096, answer=0) == counted


def test_arms_that_differ_in_head_and_adapters_read_the_same_text(cache: Path):
    configs = [
        config_of(head=head, lora=LoraConfig(rank=rank)) for head in ("classification", "generative") for rank in (2, 8)
    ]
    texts = [*made_up_texts(40, longest=80), *["market " * 200] * 8]
    readers = [TinyRun(cache, config, texts=texts, processes=ALONE).readers[0] for config in configs]
    assert len({reader.encoder.budget for reader in readers}) == 1
    read = [reader.encoder.encode(texts)["text_read"] for reader in readers]
    assert all(own == read[0] for own in read)
    most = [reader.prompt.config.max_tokens or 0 for reader in readers]
    answer = max(len(ids) for ids in readers[-1].audit.answers) if readers[-1].audit else 0
    assert most[0] == most[1] == most[2] - answer - 1 == most[3] - answer - 1  # what answers write comes on top


@pytest.mark.parametrize(("architecture", "alone"), [("bert", True), ("modernbert", True), ("llama", False)])
def test_an_encoder_reads_the_text_alone_unless_asked(cache: Path, architecture: str, alone: bool):
    def rendered(template: str) -> str:
        config = config_of(architecture=architecture, prompt=PromptConfig(template=template))
        return TinyRun(cache, config).readers[0].prompt.render("market share")

    asked = "market share\n\nOne of sport, politics, tech, business:"
    assert rendered("auto") == ("market share" if alone else asked)
    assert rendered("{text}\n\nOne of {labels}:") == asked
