"""Labels are tokenised in place, and what a model could not learn or tell apart is refused before training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from headtohead.backbone import load_tokenizer
from headtohead.batching.encode import EncodedRows, Encoder
from headtohead.classifiers.build_pack import Reader, build_reader, load
from headtohead.config import PromptConfig
from headtohead.errors import UserError
from headtohead.heads import LabelAudit, audit_labels
from headtohead.labels import LabelSpace
from headtohead.prompts import build_prompt
from headtohead.tiny import tiny_checkpoint
from tiny_runs import ALONE, config_of, dataset_of, labels_of

SAMPLE = ["the quick brown fox", "market share", "é 😀", ""]


def audit(cache: Path, labels: LabelSpace, *, sample: list[str] = SAMPLE, **options: object) -> LabelAudit:
    tokenizer = load_tokenizer(tiny_checkpoint("llama", cache))
    config = PromptConfig(**{"template": "Text: {text}\nAnswer:", **options})  # type: ignore[arg-type]
    encoder = Encoder(build_prompt(config, labels, tokenizer), tokenizer, 256)
    return audit_labels(encoder, [encoder.prompt.render(text) for text in sample])


def test_answers_are_the_tokens_after_the_prompt(cache: Path):
    labels = labels_of(words=("sport", "world news"))
    tokenizer = load_tokenizer(tiny_checkpoint("llama", cache))
    found = audit(cache, labels)
    for answer, word in zip(found.answers, labels.words, strict=True):
        whole, prompt = (tokenizer(f"Text: x\nAnswer:{end}")["input_ids"] for end in (f" {word}", ""))
        assert tuple(whole[len(prompt) :]) == answer
        assert tokenizer.decode(answer) == f" {word}"
    assert found.end_id == tokenizer.eos_token_id
    assert not found.needs_end
    stored = found.as_dict()
    assert [row["name"] for row in stored["labels"]] == ["sport", "world news"]
    assert stored["labels"][0]["ids"] == list(found.answers[0])
    assert stored["labels"][0]["with_space"] == list(found.answers[0])
    assert stored["labels"][0]["without_space"] != list(found.answers[0])


def test_shared_beginnings_are_told(cache: Path):
    found = audit(cache, labels_of(words=("zig", "zag", "tech")))
    rows = found.as_dict()["labels"]
    assert rows[0]["shares_first_token_with"] == ["zag"]
    assert rows[2]["shares_first_token_with"] == []
    assert any("share their first token" in note for note in found.notes)
    assert not found.needs_end


@pytest.mark.parametrize(("words", "needs"), [(("1", "10"), True), (("1", "20"), False), (("10", "100", "2"), True)])
def test_end_token_is_needed_where_one_label_begins_another(cache: Path, words: tuple[str, ...], needs: bool):
    found = audit(cache, labels_of(words=words))
    assert found.needs_end == needs
    assert any("end token" in note for note in found.notes) == needs


def test_a_template_that_merges_with_the_label_is_refused(cache: Path):
    """'...tech' + 'nology' and the like: the model would train on other tokens than it is asked for."""
    with pytest.raises(UserError, match=r"the prompt's tokens change when a label follows") as caught:
        audit(cache, labels_of(words=("usiness", "olitics")), template="{text} Answer: b", answer_start="")
    assert "prompt.template" in str(caught.value)
    assert "prompt.answer_start" in str(caught.value)


def test_a_trailing_space_that_the_label_would_swallow_is_refused(cache: Path):
    with pytest.raises(UserError, match="tokens change"):
        audit(cache, labels_of(), template="Text: {text}\nAnswer: ", answer_start="")


def test_a_label_that_merges_with_the_text_is_refused(cache: Path):
    with pytest.raises(UserError, match=r"tokens change|depend on the text"):
        audit(cache, labels_of(words=("rt", "x")), sample=["fox", "spo"], template="{text}", answer_start="")


ROWS = [f"the match {n} was lost" for n in range(70)]


def reader_of(cache: Path, sample: list[str], **options: object) -> Reader:
    """Return the reader of a tiny model whose tokenizer, like Qwen's, joins a full stop with the line break after it."""
    config = config_of(head="generative", prompt=PromptConfig(**options))  # type: ignore[arg-type]
    backbone = load(config, labels_of(), width=1, cache=cache, processes=ALONE)
    return build_reader(config, replace(backbone, tokenizer=joining_tokenizer()), labels_of(), sample, [])


def joining_tokenizer() -> PreTrainedTokenizerFast:
    words = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+"
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(words), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=280, initial_alphabet=alphabet, special_tokens=["<end>"], show_progress=False
    )
    tokenizer.train_from_iterator([".\n.\n"] * 9, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", model_max_length=512)


def encode(reader: Reader, texts: list[str], cache: Path) -> EncodedRows:
    rows = dataset_of(texts, [0] * len(texts))
    return reader.encode("train", rows, labels=labels_of(), key="made up", cache=cache)


@pytest.mark.parametrize("template", ["{text}", "Read this: {text}"])
def test_one_row_anywhere_that_merges_with_the_label_is_refused(cache: Path, template: str):
    reader = reader_of(cache, ROWS, template=template, answer_start="\nLabel: ")
    assert len(encode(reader, ROWS, cache)) == 70
    with pytest.raises(UserError, match=r"tokens change.*the prompt ends '.*it ended\.'"):
        encode(reader, [*ROWS, "it ended."], cache)


def test_texts_are_audited_as_the_model_reads_them(cache: Path):
    """A full stop is the 301st character, or is where the budget cuts."""
    long, cut = "w" * 300 + ".", "w" * 20 + "." * 100 + "w" * 400
    for sample, budget in (([long], 512), ([cut], 100)):
        with pytest.raises(UserError, match="tokens change"):
            reader_of(cache, sample, template="{text}", answer_start="\nLabel: ", max_tokens=budget)
    assert reader_of(cache, [long, cut], template="{text}\nAnswer:", answer_start=" ").encoder.prompt.ends_in_a_phrase


def test_labels_that_a_tokenizer_cannot_tell_apart_are_refused(cache: Path, monkeypatch: pytest.MonkeyPatch):
    real = Encoder.ids

    def blunt(self: Encoder, rendered: list[str]) -> list[list[int]]:
        return real(self, [text.replace("tech", "sport") for text in rendered])

    monkeypatch.setattr(Encoder, "ids", blunt)
    with pytest.raises(UserError, match="same tokens"):
        audit(cache, labels_of())


def test_an_end_token_is_needed(cache: Path, monkeypatch: pytest.MonkeyPatch):
    tokenizer = load_tokenizer(tiny_checkpoint("llama", cache))
    tokenizer.eos_token = None
    encoder = Encoder(build_prompt(PromptConfig(), labels_of(), tokenizer), tokenizer, 256)
    with pytest.raises(UserError, match="end token"):
        audit_labels(encoder, ["x"])


def test_the_end_of_turn_ends_a_chat(cache: Path):
    found = audit(cache, labels_of(), chat=True, answer_start="")
    tokenizer = load_tokenizer(tiny_checkpoint("llama", cache))
    assert tokenizer.convert_ids_to_tokens([found.end_id]) == ["<|im_end|>"]
    assert found.answers[0] == tuple(tokenizer("sport", add_special_tokens=False)["input_ids"])


@pytest.mark.parametrize(("chat", "ends"), [(True, "<|im_end|>"), (False, "<|end|>")])
def test_a_base_models_chat_ends_as_its_template_does(cache: Path, chat: bool, ends: str):
    """Such a tokenizer's end of text is another token than the end of a turn."""
    tokenizer = load_tokenizer(tiny_checkpoint("llama", cache))
    tokenizer.eos_token = "<|end|>"
    encoder = Encoder(build_prompt(PromptConfig(chat=chat), labels_of(), tokenizer), tokenizer, 256)
    found = audit_labels(encoder, [encoder.prompt.render("x")])
    assert tokenizer.convert_ids_to_tokens([found.end_id]) == [ends]


def test_a_template_without_end_of_turn_ends_with_the_text(cache: Path):
    tokenizer = load_tokenizer(tiny_checkpoint("llama", cache))
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"
    encoder = Encoder(build_prompt(PromptConfig(chat=True), labels_of(), tokenizer), tokenizer, 256)
    assert audit_labels(encoder, [encoder.prompt.render("x")]).end_id == tokenizer.eos_token_id
