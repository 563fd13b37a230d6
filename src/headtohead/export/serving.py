"""``headtohead.json``: everything beside the weights that is needed to serve what was measured."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from headtohead.export.subject import Subject

MARK = "\x00"
SERVING_FILE = "headtohead.json"


def serving_facts(subject: Subject) -> dict[str, Any]:
    """Return the JSON-ready description of an export."""
    config = subject.config
    return {
        "schema_version": 1,
        "form": subject.form,
        "readout": subject.readout,
        "head": asdict(config.head),
        "loss": asdict(config.loss),
        "lora": asdict(config.lora),
        "link": subject.link,
        "width": subject.width,
        "labels": subject.labels.as_dict(),
        "temperature": subject.temperature,
        "max_tokens": subject.budget,
        "trust_remote_code": config.model.trust_remote_code,
        "prompt": prompt_facts(subject),
        "answers": _answers(subject),
        "base": {
            "model": subject.base_name,
            "kind": subject.base.kind,
            "name": subject.base.name,
            "revision": subject.base.revision,
            "sha256": subject.base.sha256,
        },
    }


def prompt_facts(subject: Subject) -> dict[str, Any]:
    """Return what renders a text as training did: ``text.join(pieces)``, then the chat template where there is one."""
    prompt = subject.prompt
    filled = replace(prompt, render_chat=None).render(MARK)
    return {
        "pieces": filled.split(MARK),
        "chat": prompt.render_chat is not None,
        "system": prompt.config.system,
        "generation_prompt": prompt.config.generation_prompt,
        "template_kwargs": dict(prompt.config.template_kwargs),
        "add_special_tokens": prompt.adds_special_tokens,
        "keep": prompt.config.keep,
        "template": prompt.config.template,
        "examples": [list(pair) for pair in prompt.examples],
    }


def _answers(subject: Subject) -> dict[str, Any] | None:
    """Return how a generative model's labels are scored, the audit of their tokens included."""
    if subject.audit is None:
        return None
    labels = range(len(subject.labels))
    return {
        "texts": [subject.prompt.answer(label) for label in labels],
        "token_ids": [list(ids) for ids in subject.audit.answers],
        "end_id": subject.audit.end_id,
        "needs_end": subject.audit.needs_end,
        "normalisation": subject.config.head.normalisation,
        "prior_prompt": subject.prompt.render(""),
        "audit": subject.audit.as_dict(),
    }


def head_facts(subject: Subject) -> dict[str, Any]:
    """Return ``head.json``: what the loader of our own poolings reads."""
    is_whole = subject.form == "merged"
    return {
        "pooling": subject.config.head.pooling,
        "outputs": subject.output_names,
        "base_model": None if is_whole else subject.base_name,
        "revision": None if is_whole else subject.base_revision,
        "add_special_tokens": subject.prompt.adds_special_tokens,
        "trust_remote_code": subject.config.model.trust_remote_code,
    }
