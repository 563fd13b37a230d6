"""The program that a model card prints: exactly this form, exactly this prompt, nothing of this project."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from headtohead.export.published import GENERATE, PIPELINE, PROGRAM
from headtohead.export.serving import serving_facts
from headtohead.export.subject import Subject

EXAMPLE = "The text to classify."
POOLED = Path(__file__).with_name("pooled_head.py")
"""Read as text: PEFT, which it imports, is not needed to print it."""


@functools.cache
def environment() -> Environment:
    """Return the templates of this package; they write Python and Markdown, so nothing is escaped as HTML."""
    return Environment(loader=PackageLoader("headtohead.export", "."), undefined=StrictUndefined, autoescape=False)


def snippet(subject: Subject) -> str:
    """Return the program."""
    text = environment().get_template("snippet.py.jinja").render(**_values(subject))
    return text.strip() + "\n"


def pipeline_snippet(subject: Subject) -> str:
    """Return the lines that classify with ``pipeline``; empty where that cannot be right."""
    if subject.form != "merged" or subject.readout != "native" or subject.link == "corn":
        return ""
    values = _values(subject)
    name = values["input_name"]
    cut = f"truncation=True, max_length={values['facts']['max_tokens']}"
    return (
        "from transformers import pipeline\n\n"
        f'classifier = pipeline("text-classification", model=model_id, top_k=None{values["trust"]})\n'
        f"texts = [{values['example']}, {values['example']}]\n"
        f"answers = classifier([prompt({name}) for {name} in texts], batch_size=8, {cut}{values['special']})\n"
        "print(answers)\n"
    )


def programs(subject: Subject) -> dict[str, str]:
    """Return every program that the card prints, by what ``published`` calls it; the first defines what the others use."""
    every = {PROGRAM: snippet(subject), PIPELINE: pipeline_snippet(subject), GENERATE: generate_snippet(subject)}
    return {how: code for how, code in every.items() if code}


def generate_snippet(subject: Subject) -> str:
    """Return the lines that let the model write its answer; empty for heads that do not write."""
    if subject.audit is None:
        return ""
    values = _values(subject)
    longest = max(len(answer) for answer in subject.audit.answers) + 1
    options = f"max_new_tokens={longest}, do_sample=False, pad_token_id=tokenizer.pad_token_id"
    return (
        f'inputs = tokenizer(prompt({values["example"]}), return_tensors="pt"{values["special"]})\n'
        f"output = model.generate(**inputs, {options})\n"
        'print(tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True).strip())\n'
    )


def _values(subject: Subject) -> dict[str, Any]:
    facts = serving_facts(subject)
    prompt = facts["prompt"]
    has_messages = subject.config.data.fields.messages is not None and prompt["chat"]
    example: Any = [{"role": "user", "content": EXAMPLE}] if has_messages else EXAMPLE
    names = subject.labels.names
    return {
        "facts": facts,
        "loader": POOLED.read_text(encoding="utf-8").partition('"""\n\n')[2] if subject.readout == "pooled" else "",
        "model_id": repr("."),
        "base_id": repr(subject.base_name),
        "revision": repr(subject.base_revision) if subject.base_revision else "",
        "task_class": subject.task_class().__name__,
        "trust": f", trust_remote_code={facts['trust_remote_code']}",
        "is_adapter": subject.form == "adapter",
        "names_in_config": subject.form == "merged"
        and subject.readout == "native"
        and subject.link in ("softmax", "sigmoid"),
        "labels": repr(list(names)),
        "values": dict(zip(names, subject.labels.values, strict=True)) if _is_ordinal_score(subject) else None,
        "answers": dict(zip(names, facts["answers"]["texts"], strict=True)) if facts["answers"] else None,
        "prior": repr(facts["answers"]["prior_prompt"]) if facts["answers"] else "",
        "temperature": "" if subject.temperature == 1 else f"{subject.temperature:.4g}",
        "has_messages": has_messages,
        "input_name": "messages" if has_messages else "text",
        "example": repr(example),
        "filled": "text" if prompt["pieces"] == ["", ""] else f"text.join({prompt['pieces']!r})",
        "system": f"[{{'role': 'system', 'content': {prompt['system']!r}}}] + " if prompt["system"] else "",
        "template_kwargs": "".join(f", {name}={value!r}" for name, value in prompt["template_kwargs"].items()),
        "special": "" if prompt["add_special_tokens"] else ", add_special_tokens=False",
    }


def _is_ordinal_score(subject: Subject) -> bool:
    return subject.link == "identity" and subject.labels.kind == "ordinal"
