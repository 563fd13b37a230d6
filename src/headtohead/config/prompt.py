"""How a row's text becomes the text that a model reads."""

from __future__ import annotations

from dataclasses import dataclass, field

from headtohead.errors import UserError, require_choice

PLACEHOLDERS = ("text", "labels", "descriptions", "examples")
OPEN_TEMPLATE = "auto"


@dataclass(kw_only=True, slots=True)
class ExampleConfig:
    """A worked example written into the configuration."""

    text: str = ""
    label: str = ""


@dataclass(kw_only=True, slots=True)
class PromptConfig:
    """A template, whether it goes through the model's chat template, and how many tokens it may take."""

    name: str = ""
    template: str = "{text}"
    """Placeholders: {text}, {labels}, {descriptions}, {examples}; every other brace stands for itself. auto: the text, then
    the labels to choose from; where an encoder reads it, the text alone."""
    answer_start: str = " "
    """What stands between the prompt and the label's word when the model answers in words."""
    label_separator: str = ", "
    example_template: str = "{text}\n{label}\n\n"
    examples: int = 0
    """Few-shot examples drawn from the training rows, spread evenly over the labels."""
    given_examples: list[ExampleConfig] = field(default_factory=list)
    example_tokens: int = 64
    """A drawn example's text is cut to this many tokens."""
    chat: bool = False
    """Render through the tokenizer's chat template."""
    system: str | None = None
    generation_prompt: bool = True
    """End a rendered chat where the assistant would answer."""
    template_kwargs: dict[str, bool] = field(default_factory=dict)
    """Passed to the chat template, such as enable_thinking: false."""
    max_tokens: int | None = None
    """Budget of the whole input, prompt and label included; null (or auto): as the training texts need (``batching.lengths``)."""
    keep: str = "start"
    """Which part of a text survives truncation: start, end, or both ends."""

    def __post_init__(self) -> None:
        require_choice("prompt.keep", self.keep, ("start", "end", "both"))
        if "{text}" not in self.template and self.template != OPEN_TEMPLATE:
            raise UserError(f"prompt.template has no {{text}} placeholder, given {self.template!r}")
        if self.examples < 0:
            raise UserError(f"prompt.examples must be 0 or more, given {self.examples}")
        if (self.examples or self.given_examples) and "{examples}" not in self.template:
            raise UserError("prompt has examples but prompt.template has no {examples} placeholder to put them")
        if self.max_tokens is not None and self.max_tokens < 8:
            raise UserError(f"prompt.max_tokens must be at least 8, given {self.max_tokens}")
