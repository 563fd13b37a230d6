"""How each label is tokenised exactly where a model must write it, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from headtohead.batching.encode import Encoder
from headtohead.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

AUDIT_BATCH = 1000
ADVICE = "End prompt.template in a fixed phrase (such as '\\nAnswer:') and begin prompt.answer_start with a space"
_MARK = "ANSWER"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelAudit:
    """Token ids of every label in place, and what is worth knowing about them."""

    answers: tuple[tuple[int, ...], ...]
    """Per label, without the end token."""
    end_id: int
    """Ends the answer: the chat template's end of turn, or the end of text."""
    needs_end: bool
    """One label's tokens begin another's: the end token is scored, else the longer could never win."""
    table: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form that travels in the record and the export."""
        stored = asdict(self)
        return {
            "labels": list(stored["table"]),
            "end_id": self.end_id,
            "needs_end": self.needs_end,
            "notes": list(self.notes),
        }


def audit_labels(encoder: Encoder, sample: list[str]) -> LabelAudit:
    """Tokenise every label after rendered prompts.

    Args:
        sample: rendered prompts of a few rows; the label's tokens must be the same after each.

    Raises:
        UserError: a prompt's tokens are not a prefix of the tokens of prompt and label together, the label's tokens
            depend on the text, two labels are the same tokens, or the tokenizer has no end token.
    """
    tokenizer = encoder.tokenizer
    if tokenizer.eos_token_id is None:
        raise UserError("head=generative needs a tokenizer with an end token (eos_token)")
    words = encoder.prompt.labels.words
    answers = [answer_tokens(encoder, sample, label) for label in range(len(words))]
    if len(set(answers)) != len(answers):
        raise UserError(
            f"two labels have the same tokens: {dict(zip(words, answers, strict=True))}; change data.labels.words"
        )
    needs_end = any(a != b and b[: len(a)] == a for a in answers for b in answers)
    return LabelAudit(
        answers=tuple(answers),
        end_id=_end_token(encoder),
        needs_end=needs_end,
        table=tuple(_row(tokenizer, encoder, label, answers) for label in range(len(words))),
        notes=tuple(_notes(answers, words, needs_end)),
    )


def _end_token(encoder: Encoder) -> int:
    """Return the token that ends an answer: in a chat the one its template ends a turn with, else the end of text.

    A base model's tokenizer often carries a chat template whose turns end otherwise than its texts (Qwen2.5, Qwen3:
    ``<|im_end|>``, not ``<|endoftext|>``).
    """
    tokenizer = encoder.tokenizer
    end: int = tokenizer.eos_token_id
    if encoder.prompt.render_chat is None:
        return end
    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": _MARK}]
    options: dict[str, Any] = dict(encoder.prompt.config.template_kwargs)
    rendered = tokenizer.apply_chat_template(turns, tokenize=False, **options)
    after = tokenizer(str(rendered).rpartition(_MARK)[2], add_special_tokens=False)["input_ids"]
    special = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    return next((number for number in after if number in special), end)


def answer_tokens(encoder: Encoder, rendered: list[str], label: int) -> tuple[int, ...]:
    """Return a label's token ids after each of some prompts, which must agree."""
    found = set(_tokens_after(encoder, rendered, encoder.ids(rendered), label))
    if len(found) > 1:
        raise UserError(
            f"the tokens of label {encoder.prompt.answer(label)!r} depend on the text before: {sorted(found)[:2]}"
        )
    tokens = found.pop()
    if not tokens:
        raise UserError(
            f"label {encoder.prompt.labels.names[label]!r} has no tokens; give it a word in data.labels.words"
        )
    return tokens


def require_answers_in_place(encoder: Encoder, audit: LabelAudit, texts: Iterable[str], split: str) -> None:
    """Hold the audit against every row: needed where a prompt ends in the row's own text, which may end in anything.

    Args:
        texts: of a split, as the model reads them.

    Raises:
        UserError: a label changes the tokens of a row's prompt, or is itself tokenised otherwise after it.
    """
    stream = iter(texts)
    while batch := list(islice(stream, AUDIT_BATCH)):
        rendered = [encoder.prompt.render(text) for text in batch]
        prompts = encoder.ids(rendered)
        for label, answer in enumerate(audit.answers):
            for prompt, tokens in zip(rendered, _tokens_after(encoder, rendered, prompts, label), strict=True):
                if tokens != answer:
                    raise UserError(
                        f"the tokens of label {encoder.prompt.answer(label)!r} depend on the text before: {answer}, but "
                        f"{tokens} in {split} after {prompt[-30:]!r}. {ADVICE}"
                    )


def _tokens_after(
    encoder: Encoder, rendered: list[str], prompts: list[list[int]], label: int
) -> Iterator[tuple[int, ...]]:
    """Yield a label's token ids after each prompt, whose own tokens must stay as they are."""
    together = encoder.ids([text + encoder.prompt.answer(label) for text in rendered])
    for text, prompt, whole in zip(rendered, prompts, together, strict=True):
        if whole[: len(prompt)] != prompt:
            raise UserError(
                "the prompt's tokens change when a label follows, so training and scoring would see different prompts: "
                f"the prompt ends {text[-30:]!r}, the label is {encoder.prompt.answer(label)!r}. {ADVICE}"
            )
        yield tuple(whole[len(prompt) :])


def _row(
    tokenizer: PreTrainedTokenizerBase, encoder: Encoder, label: int, answers: list[tuple[int, ...]]
) -> dict[str, Any]:
    word, own = encoder.prompt.labels.words[label], answers[label]
    bare = tuple(tokenizer(word, add_special_tokens=False)["input_ids"])
    spaced = tuple(tokenizer(" " + word, add_special_tokens=False)["input_ids"])
    same_first = [
        encoder.prompt.labels.names[i] for i, other in enumerate(answers) if i != label and other[0] == own[0]
    ]
    return {
        "name": encoder.prompt.labels.names[label],
        "word": word,
        "ids": list(own),
        "tokens": tokenizer.convert_ids_to_tokens(list(own)),
        "without_space": list(bare),
        "with_space": list(spaced),
        "shares_first_token_with": same_first,
    }


def _notes(answers: list[tuple[int, ...]], words: tuple[str, ...], needs_end: bool) -> list[str]:
    notes = []
    several = [word for word, answer in zip(words, answers, strict=True) if len(answer) > 1]
    if several:
        notes.append(f"{len(several)} of {len(words)} labels take several tokens; whole labels are scored")
    firsts = [answer[0] for answer in answers]
    if len(set(firsts)) < len(firsts):
        notes.append("some labels share their first token: a readout of first tokens alone would confuse them")
    if needs_end:
        notes.append("one label's tokens begin another's: the end token is scored for every label")
    return notes
