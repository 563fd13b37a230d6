"""A row's text, the template and the labels become the text a model reads. Pure strings; knows no tokenizer.

Only the placeholders are substituted, once, so braces in a template or in a text stand for themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from headtohead.config import PromptConfig
from headtohead.config.prompt import OPEN_TEMPLATE, PLACEHOLDERS
from headtohead.errors import UserError
from headtohead.labels import LabelSpace

Message = dict[str, str]
RenderChat = Callable[[list[Message]], str]
_PLACEHOLDER = re.compile("{(" + "|".join(PLACEHOLDERS) + ")}")
TEXT_ALONE = "{text}"
INSTRUCTION = "{text}\n\nOne of {labels}:"
"""What the last token, whose state a decoder is classified by, has read is the question."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Renders rows, and the answers a generative model gives to them."""

    config: PromptConfig
    labels: LabelSpace
    render_chat: RenderChat | None
    """The tokenizer's chat template; None where the prompt is not a chat."""
    examples: tuple[tuple[str, str], ...] = ()
    """Few-shot (text, label word) pairs."""

    @property
    def adds_special_tokens(self) -> bool:
        """Whether the tokenizer adds its special tokens: a rendered chat carries its own already."""
        return self.render_chat is None

    @property
    def ends_in_a_phrase(self) -> bool:
        """Whether a fixed word stands between the row's text and the answer.

        Line breaks and punctuation do not count: tokenizers join them with what stands before.
        """
        after_text = self.config.template.rpartition("{text}")[2]
        return self.render_chat is not None or any(character.isalnum() for character in after_text)

    def render(self, text: str, messages: Sequence[Message] | None = None) -> str:
        """Return what the model reads for one row; ``messages`` replace ``text`` where the row is a conversation."""
        if self.render_chat is None:
            return self._fill(text)
        turns = [{"role": "system", "content": self.config.system}] if self.config.system else []
        if messages is not None:
            return self.render_chat([*turns, *messages])
        return self.render_chat([*turns, {"role": "user", "content": self._fill(text)}])

    def answer(self, label: int) -> str:
        """Return what follows the prompt when the model answers with a label."""
        return self.config.answer_start + self.labels.words[label]

    def _fill(self, text: str) -> str:
        values = {
            "text": text,
            "labels": self.config.label_separator.join(self.labels.words),
            "descriptions": self._descriptions(),
            "examples": "".join(
                _substitute(self.config.example_template, {"text": shown, "label": word})
                for shown, word in self.examples
            ),
        }
        return _substitute(self.config.template, values)

    def _descriptions(self) -> str:
        pairs = zip(self.labels.words, self.labels.descriptions, strict=True)
        return "\n".join(f"- {word}: {description}" if description else f"- {word}" for word, description in pairs)

    def as_dict(self) -> dict[str, Any]:
        """Return what an export needs to render the same prompts again."""
        return {
            "template": self.config.template,
            "max_tokens": self.config.max_tokens,
            "examples": [list(pair) for pair in self.examples],
            "adds_special_tokens": self.adds_special_tokens,
        }


def _substitute(template: str, values: dict[str, str]) -> str:
    names = re.compile("{(" + "|".join(values) + ")}")
    return names.sub(lambda match: values[match.group(1)], template)


def settle_template(config: PromptConfig, *, reads_both_ways: bool) -> PromptConfig:
    """Return a prompt's configuration with its template made out.

    Args:
        reads_both_ways: whether an encoder reads it: each of its states has seen the whole text, so that a question after
            the text adds nothing and takes positions from it.
    """
    if config.template != OPEN_TEMPLATE:
        return config
    return replace(config, template=TEXT_ALONE if reads_both_ways else INSTRUCTION)


def build_prompt(
    config: PromptConfig, labels: LabelSpace, tokenizer: Any, examples: Sequence[tuple[str, str]] = ()
) -> Prompt:
    """Build the prompt of a run.

    Raises:
        UserError: a chat prompt for a tokenizer without chat template, or descriptions that the data lacks.
    """
    if "{descriptions}" in config.template and not any(labels.descriptions):
        raise UserError("prompt uses {descriptions} but data.labels.descriptions is empty; write one line per label")
    given = tuple((example.text, example.label) for example in config.given_examples)
    if not config.chat:
        return Prompt(config, labels, None, (*given, *examples))
    if not getattr(tokenizer, "chat_template", None):
        raise UserError(
            "prompt.chat=true needs a tokenizer with a chat template: add model=smollm2_135m or another instruct model to the "
            "command, or take another prompt"
        )

    def render_chat(messages: list[Message]) -> str:
        rendered = tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=config.generation_prompt, **config.template_kwargs
        )
        assert isinstance(rendered, str)
        return rendered

    return Prompt(config, labels, render_chat, (*given, *examples))


def choose_examples(labels: Sequence[Any], count: int, *, seed: int) -> list[int]:
    """Return the rows of few-shot examples: drawn by seed, one label after the other; any prefix stays spread evenly.

    Args:
        labels: of the training rows, which are the only rows examples may come from.
    """
    order = np.random.default_rng([seed, 0xE7]).permutation(len(labels))
    seen: dict[str, int] = {}
    turns: list[tuple[int, int, int]] = []
    for row in order:
        key = str(labels[int(row)])
        turns.append((seen.get(key, 0), len(turns), int(row)))
        seen[key] = seen.get(key, 0) + 1
    return [row for _, _, row in sorted(turns)[:count]]


def label_text(labels: LabelSpace, label: Any) -> str:
    """Return a gold answer in words, for few-shot examples."""
    match labels.kind:
        case "multi":
            return ", ".join(labels.words[i] for i, present in enumerate(label) if present) or "none"
        case "real":
            return f"{label:g}"
        case _:
            return labels.words[label]
